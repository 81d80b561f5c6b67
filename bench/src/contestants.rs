//! Who is measured, as data: where the program is, how it is started on a port and a folder, and what is known of it.

use std::path::{Path, PathBuf};

pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// Places to look for the program, best first; a bare name is looked up on PATH.
    programs: Vec<PathBuf>,
    /// `{port}` and `{folder}` are filled in.
    pub(crate) arguments: &'static [&'static str],
    /// Environment; `{port}` and `{folder}` are filled in.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    /// Keeps acknowledged writes over a restart, so that start-up with many records can be measured.
    pub(crate) keeps: bool,
    /// The only service that it has, where it is no whole cloud.
    pub(crate) service: Option<&'static str>,
    /// Speaks AWS; otherwise it only serves the file, as the limit of what HTTP costs here.
    pub(crate) cloud: bool,
}

pub(crate) fn all(root: &Path) -> Vec<Contestant> {
    let peers = root.join("bench/out/peers");
    let fakecloud = || vec![peers.join("bin/fakecloud"), "fakecloud".into()];
    let python = |name: &str| vec![peers.join("python/bin").join(name), name.into()];
    vec![
        Contestant {
            name: "virga",
            programs: vec![root.join("target/release/virga")],
            arguments: &["up", "--listen", "127.0.0.1:{port}", "--data", "{folder}/data"],
            environment: &[],
            keeps: true,
            service: None,
            cloud: true,
        },
        Contestant {
            name: "fakecloud",
            programs: fakecloud(),
            arguments: &["--addr", "127.0.0.1:{port}", "--log-level", "error"],
            environment: &[],
            keeps: false,
            service: None,
            cloud: true,
        },
        Contestant {
            name: "fakecloud-disk",
            programs: fakecloud(),
            arguments: &[
                "--addr",
                "127.0.0.1:{port}",
                "--log-level",
                "error",
                "--storage-mode",
                "persistent",
                "--data-path",
                "{folder}/data",
            ],
            environment: &[],
            keeps: true,
            service: None,
            cloud: true,
        },
        Contestant {
            name: "ministack",
            programs: python("ministack"),
            arguments: &[],
            environment: &[
                ("GATEWAY_PORT", "{port}"),
                ("LOG_LEVEL", "ERROR"),
                ("MINISTACK_HOST", "127.0.0.1"),
            ],
            keeps: false,
            service: None,
            cloud: true,
        },
        Contestant {
            name: "moto",
            programs: python("moto_server"),
            arguments: &["-H", "127.0.0.1", "-p", "{port}"],
            environment: &[],
            keeps: false,
            service: None,
            cloud: true,
        },
        dynalite(&peers),
        nginx(),
    ]
}

/// The limit of what HTTP costs here.
fn nginx() -> Contestant {
    Contestant {
        name: "nginx",
        programs: vec!["nginx".into(), "/usr/sbin/nginx".into()],
        arguments: &["-p", "{folder}", "-e", "stderr", "-c", "nginx.conf"],
        environment: &[],
        keeps: false,
        service: None,
        cloud: false,
    }
}

/// DynamoDB alone, for Node.js, with LevelDB below it.
fn dynalite(peers: &Path) -> Contestant {
    Contestant {
        name: "dynalite",
        programs: vec![peers.join("node/node_modules/.bin/dynalite"), "dynalite".into()],
        arguments: &["--port", "{port}", "--path", "{folder}/data", "--createTableMs", "0"],
        environment: &[],
        keeps: true,
        service: Some("dynamodb"),
        cloud: true,
    }
}

impl Contestant {
    /// Whether it has the service.
    pub(crate) fn has(&self, service: &str) -> bool {
        self.service.is_none_or(|only| only == service)
    }

    pub(crate) fn program(&self) -> Result<PathBuf, String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = self.programs.iter().find_map(|program| {
            if program.components().count() > 1 {
                return program.is_file().then(|| program.clone());
            }
            std::env::split_paths(&path).map(|folder| folder.join(program)).find(|program| program.is_file())
        });
        found.ok_or_else(|| format!("no program at {}", self.programs[0].display()))
    }
}

/// A file that nginx serves, the scenario that it is the limit of, its length, and by how many at a time it is asked for.
type Served = (&'static str, &'static str, usize, &'static [usize]);

pub(crate) const FILES: &[Served] = &[
    ("1k", "S3 GET 1 KiB", 1 << 10, &[1, 32]),
    ("1m", "S3 GET 1 MiB", 1 << 20, &[1, 32]),
    ("64m", "S3 GET 64 MiB", 64 << 20, &[1, 32]),
];

/// What nginx serves: files, by one worker, by the kernel's own copying, no log.
pub(crate) fn nginx_files(folder: &Path, port: u16) -> std::io::Result<()> {
    let configuration = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; keepalive_requests 100000000; open_file_cache max=16;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {{ listen 127.0.0.1:{port}; root .; }}
}}
"
    );
    std::fs::write(folder.join("nginx.conf"), configuration)?;
    FILES.iter().try_for_each(|(name, _, size, _)| std::fs::write(folder.join(name), vec![b'x'; *size]))
}
