//! Where the cloud lives: the data folder, the file that says where a running cloud answers, the log.

use std::fs;
use std::path::PathBuf;

/// As long as an access key id may be in AWS.
const ACCESS_KEY_MAX: usize = 128;

/// The data folder and the well-known files in it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) data: PathBuf,
}

/// A running cloud, as it wrote itself down in `run.json`.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) pid: i32,
    pub(crate) endpoint: String,
}

impl Place {
    /// The folder given, or the user's own data folder.
    pub(crate) fn find(given: Option<PathBuf>) -> Result<Place, String> {
        let home = |tail: &str| read("HOME").map(|home| PathBuf::from(home).join(tail));
        let xdg = || read("XDG_DATA_HOME").map(PathBuf::from);
        let data = given
            .or_else(|| xdg().map(|d| d.join("virga")))
            .or_else(|| home(".local/share/virga"))
            .ok_or("no data folder: neither --data nor VIRGA_DATA nor HOME is set")?;
        let data = std::path::absolute(&data).map_err(|e| format!("{}: {e}", data.display()))?;
        Ok(Place { data })
    }

    pub(crate) fn run_file(&self) -> PathBuf {
        self.data.join("run.json")
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.data.join("virga.log")
    }

    pub(crate) fn master_key_file(&self) -> PathBuf {
        self.data.join("master.key")
    }

    pub(crate) fn authority_file(&self) -> PathBuf {
        self.data.join("authority.key")
    }

    pub(crate) fn store_dir(&self) -> PathBuf {
        self.data.join("store")
    }

    pub(crate) fn contents_dir(&self) -> PathBuf {
        self.data.join("contents")
    }

    /// Says where the contents lie, when that is not here.
    pub(crate) fn bucket_file(&self) -> PathBuf {
        self.data.join("bucket.json")
    }

    /// With whose keys that bucket is used. They come by the environment alone: command lines are seen by others.
    pub(crate) fn bucket_credentials() -> Result<blob::object_store::Credentials, String> {
        let must =
            |name: &str| read(name).ok_or_else(|| format!("{name} is not set: the contents lie in a bucket"));
        Ok(blob::object_store::Credentials {
            access_key: must("VIRGA_CONTENTS_ACCESS_KEY_ID")?,
            secret: auth::sigv4::Secret::new(must("VIRGA_CONTENTS_SECRET_ACCESS_KEY")?),
            session_token: read("VIRGA_CONTENTS_SESSION_TOKEN"),
        })
    }

    /// The key that is to be root's, from the environment as well.
    pub(crate) fn root_key() -> Result<Option<kernel::RootKey>, String> {
        const NAMES: [&str; 2] = ["VIRGA_ROOT_ACCESS_KEY_ID", "VIRGA_ROOT_SECRET_ACCESS_KEY"];
        match NAMES.map(read) {
            [None, None] => Ok(None),
            [Some(access_key), Some(_)]
                if access_key.len() > ACCESS_KEY_MAX || access_key.contains(['/', ',', ' ']) =>
            {
                Err(format!("{} is no access key id", NAMES[0]))
            }
            [Some(access_key), Some(secret)] => {
                Ok(Some(kernel::RootKey { access_key, secret: auth::sigv4::Secret::new(secret) }))
            }
            _ => Err(format!("of {} and {} only one is set", NAMES[0], NAMES[1])),
        }
    }

    /// The cloud that runs on this folder, if one does. A file left by a killed one does not count.
    pub(crate) fn running(&self) -> Option<Running> {
        let text = fs::read_to_string(self.run_file()).ok()?;
        let value: serde_json::Value = serde_json::from_str(&text).ok()?;
        let pid = i32::try_from(value.get("pid")?.as_i64()?).ok()?;
        let endpoint = value.get("endpoint")?.as_str()?.to_owned();
        is_alive(pid).then_some(Running { pid, endpoint })
    }

    /// Like [`Place::running`], or the sentence that a command prints when nothing runs.
    pub(crate) fn must_run(&self) -> Result<Running, String> {
        self.running()
            .ok_or_else(|| format!("no cloud runs on {}; start one with `virga up`", self.data.display()))
    }
}

/// A variable that is set to something.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a process runs. One that was killed and that its parent has not asked about still has its number.
fn is_alive(pid: i32) -> bool {
    let known = rustix::process::Pid::from_raw(pid)
        .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok());
    known && !fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| is_over(&stat))
}

/// Whether a process is a zombie, or dead, by its line in `/proc`. Its name stands before that, in parentheses, and may hold any.
fn is_over(stat: &str) -> bool {
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    matches!(state, Some('Z' | 'X' | 'x'))
}

#[cfg(test)]
mod tests {
    use super::{is_alive, is_over};

    #[test]
    fn a_killed_process_does_not_run_though_nobody_has_asked() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(is_alive(pid));
        child.kill().unwrap();
        let since = std::time::Instant::now();
        while is_alive(pid) && since.elapsed().as_secs() < 10 {
            std::thread::yield_now();
        }
        assert!(!is_alive(pid));
        child.wait().unwrap();
    }

    #[test]
    fn names_may_look_like_states() {
        assert!(is_over("7 (a) Z (b)) Z 1 7 7 0"));
        assert!(!is_over("7 (a) Z 1) S 1 7 7 0"));
    }
}
