//! The host process alone, as `virga host` runs it; what this crate's tests and benchmarks start.

fn main() -> std::process::ExitCode {
    host::run_child(std::env::args_os().skip(1))
}
