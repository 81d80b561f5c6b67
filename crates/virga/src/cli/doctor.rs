//! `virga doctor`: what this machine lacks and what that switches off.

use super::table::{green, layout, yellow};
use super::{Context, Outcome};
use serde_json::json;
use std::net::ToSocketAddrs;
use std::path::Path;
use std::process::ExitCode;

/// One thing looked at.
struct Finding {
    what: &'static str,
    good: bool,
    detail: String,
}

pub(super) fn run(cx: &Context) -> Outcome {
    let findings = [
        data_folder(&cx.place.data),
        master_key(&cx.place.master_key_file()),
        endpoint(cx),
        networks(),
        volumes(),
        virtual_machines(),
        logins(),
        limits(),
        functions(),
    ];
    let good = findings.iter().all(|f| f.good);
    if cx.json {
        let rows: Vec<_> =
            findings.iter().map(|f| json!({ "what": f.what, "good": f.good, "detail": f.detail })).collect();
        super::print(&json!({ "good": good, "findings": rows }).to_string());
    } else {
        let row = |f: &Finding| {
            vec![
                if f.good { green("ok") } else { yellow("needs a look") },
                f.what.to_owned(),
                f.detail.clone(),
            ]
        };
        let rows: Vec<_> = findings.iter().map(row).collect();
        super::print(layout(&["STATE", "WHAT", "DETAIL"], &rows).trim_end());
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn data_folder(data: &Path) -> Finding {
    let shown = data.display();
    let probe = std::fs::create_dir_all(data).and_then(|()| {
        let file = data.join(".doctor");
        std::fs::write(&file, b"x")?;
        std::fs::remove_file(&file)
    });
    match probe {
        Ok(()) => match rustix::fs::statvfs(data) {
            Ok(fs) => {
                let free_mib = fs.f_bavail.saturating_mul(fs.f_frsize) >> 20;
                Finding {
                    what: "data folder",
                    good: free_mib >= 256,
                    detail: format!("{shown}: {free_mib} MiB free"),
                }
            }
            Err(e) => Finding { what: "data folder", good: false, detail: format!("{shown}: {e}") },
        },
        Err(e) => Finding {
            what: "data folder",
            good: false,
            detail: format!("{shown}: {e}; nothing can be saved"),
        },
    }
}

fn master_key(path: &Path) -> Finding {
    use std::os::unix::fs::PermissionsExt;
    let what = "master key";
    match std::fs::metadata(path) {
        Ok(meta) if meta.permissions().mode() & 0o077 == 0 => {
            Finding { what, good: true, detail: "readable by its owner only".into() }
        }
        Ok(meta) => {
            let mode = meta.permissions().mode() & 0o777;
            Finding {
                what,
                good: false,
                detail: format!(
                    "{}: mode {mode:o} lets others read it; the cloud will not start",
                    path.display()
                ),
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Finding { what, good: true, detail: "not there yet; the first `virga up` makes it".into() }
        }
        Err(e) => Finding { what, good: false, detail: format!("{}: {e}", path.display()) },
    }
}

fn endpoint(cx: &Context) -> Finding {
    match cx.place.running() {
        Some(running) => {
            Finding { what: "endpoint", good: true, detail: format!("running at {}", running.endpoint) }
        }
        None => match std::net::TcpListener::bind(super::up::LISTEN_DEFAULT) {
            Ok(_) => Finding {
                what: "endpoint",
                good: true,
                detail: format!("{} is free", super::up::LISTEN_DEFAULT),
            },
            Err(e) => Finding {
                what: "endpoint",
                good: false,
                detail: format!("{}: {e}; start with --listen and another port", super::up::LISTEN_DEFAULT),
            },
        },
    }
}

/// Whether instances can have kernels of their own, and how fast those are.
fn virtual_machines() -> Finding {
    let what = "virtual machines";
    match host::speed_of_guests() {
        Ok(how) => {
            Finding { what, good: true, detail: format!("instances with a kernel of their own run {how}") }
        }
        Err(missing) => {
            let detail = format!("{missing}; without it every instance is a container");
            Finding { what, good: false, detail }
        }
    }
}

/// Whether one can log in to instances.
fn logins() -> Finding {
    let missing = host::missing_for_logins();
    let good = missing.is_none();
    let detail =
        missing.unwrap_or_else(|| "instances take logins by SSH, with the keys of their key pairs".into());
    Finding { what: "logins", good, detail }
}

/// Whether instances are held to what their types have.
fn limits() -> Finding {
    let host::Share { millicpus, memory_bytes } = host::whole();
    let (cpus, mib) = (millicpus / 1_000, memory_bytes >> 20);
    let here = format!(
        "no instance has more than this machine's {cpus} processors and {mib} MiB, and its console says where its type \
         has more"
    );
    let missing = host::missing_for_limits();
    let good = missing.is_none();
    let detail = match missing {
        None => format!("instances are held to the processors and the memory of their types; {here}"),
        Some(what) => format!("instances are not held to their types: {what}"),
    };
    Finding { what: "limits", good, detail }
}

/// Which functions can run here, and what holds them.
fn functions() -> Finding {
    let runtimes: Vec<&str> = compute::lambda::runtimes::here().iter().map(|r| r.name.as_str()).collect();
    let missing: String =
        compute::lambda::runtimes::missing().iter().map(|missing| format!("; {missing}")).collect();
    let held = match host::missing_for_limits() {
        None => "they are held to their memory, and to processors by their memory, by control groups",
        Some(_) => {
            "memory and processes are limited by process and by watching, and nobody is held to processors: \
             there are no control groups (see limits)"
        }
    };
    let libraries = compute::lambda::libraries::missing(&runtimes);
    let libraries = libraries.map(|missing| format!("; {missing}")).unwrap_or_default();
    let names = match ("virga.localhost", 0).to_socket_addrs() {
        Ok(_) => "",
        Err(_) => {
            "; names below localhost, as function URLs have them, are known to browsers and curl here, not to the C \
             library (install libnss-myhostname, or use http://localhost:4566/_lambda-url/<region>/<id>/)"
        }
    };
    let detail = format!("runtimes: {}; {held}{missing}{libraries}{names}", runtimes.join(", "));
    Finding { what: "functions", good: true, detail }
}

/// Whether instances can have volumes, and as what.
fn volumes() -> Finding {
    let what = "volumes";
    match host::missing_for_disks() {
        None => {
            let detail = "machines have them as files that are read, written and formatted like disks; \
                          no file system is mounted from one; roots of containers are held to the size and the rates of theirs, \
                          and encrypted where those are";
            Finding { what, good: true, detail: detail.into() }
        }
        Some(missing) => {
            let detail = format!(
                "{missing}; without it nothing holds roots of containers to their size and rates, and none can be encrypted"
            );
            Finding { what, good: false, detail }
        }
    }
}

/// Tries it: a host process, a link in it, a filter rule.
fn networks() -> Finding {
    let what = "networks";
    let Ok(program) = std::env::current_exe() else {
        return Finding { what, good: false, detail: "this program does not know where it is".into() };
    };
    let mut command = std::process::Command::new(program);
    command.arg("host");
    let missing: Vec<String> = host::missing(command).into_iter().map(|missing| missing.what).collect();
    if missing.is_empty() {
        let detail = "namespaces, links and packet filters work; instances are as fast as their types at most, and no \
                      faster than this machine";
        Finding { what, good: true, detail: detail.into() }
    } else {
        Finding { what, good: false, detail: missing.join("; ") }
    }
}
