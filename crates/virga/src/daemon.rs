//! The running cloud: opens the data folder, wires the services, listens, and ends cleanly.

use crate::authority::{self, Authority};
use crate::cli::up::Options;
use crate::config::{Place, Running};
use crate::gateway::Gateway;
use crate::{bucket, listener, pages, wiring};
use base::{Clock, Rng};
use kernel::outbound::{Client, Trust};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// What waits for disks has a thread, and lets go of it and its stack when nothing came for so long: all reconcilers run at once
/// when the clock moves, and few of them at other times.
const IDLE_THREAD: Duration = Duration::from_secs(1);

const KEY_BYTES: usize = 32;

/// Runs until a signal; `ready` is told once calls are answered.
pub(crate) fn run(
    place: &Place,
    options: &Options,
    ready: impl FnOnce(&Running) -> Result<(), String>,
) -> Result<(), String> {
    let at = |path: &Path, e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    DirBuilder::new().recursive(true).mode(0o700).create(&place.data).map_err(|e| at(&place.data, &e))?;
    let rng = match options.seed {
        Some(seed) => Rng::seeded(seed),
        None => Rng::from_os().map_err(|e| e.to_string())?,
    };
    let mut kept = store::Options::default();
    if let Some(mebibytes) = options.cache {
        kept.cache_bytes = u64::from(mebibytes) << 20;
    }
    let store = store::Store::open(&place.store_dir(), &kept).map_err(|e| e.to_string())?;
    // Before there is a key: a folder that has none is new, and may still choose.
    let blobs = bucket::contents(place, options, &rng)?;
    // After the lock of the store: two starts on one empty folder must not make two keys.
    let master = master_key(&place.master_key_file(), &rng)?;
    let lag = Duration::from_millis(options.dynamodb_lag.into());
    let root_key = Place::root_key()?;
    let settings = kernel::Settings { strict: options.strict, seed: options.seed, lag, root_key };
    let door = Arc::new(compute::lambda::workshop::Door::default());
    let front = Arc::new(ec2::front::Door::default());
    let authority = Arc::new(Authority::of(place.authority_file()));
    let trusted = Arc::clone(&authority);
    let client = Client::new(trust(Arc::clone(&authority), options.trust.as_deref())?);
    let ground = wiring::Ground {
        networks: wiring::real_networks(),
        machines: Some(place.data.join("machines")),
        functions: Some(place.data.join("functions")),
        hot: options.hot_reload.as_deref().map(compute::lambda::hot::allowed).transpose()?,
        front: Arc::clone(&front),
        authority: Arc::new(compute::ec2::work::Trust(Box::new(move || trusted.pem()))),
        door: Arc::clone(&door),
        client,
    };
    let cloud = wiring::cloud_on(ground, store, blobs, Clock::system(), rng, &master, settings)
        .map_err(|e| e.to_string())?;
    if options.vm {
        cloud.memory::<compute::ec2::machinery::Machinery>().make_all_virtual();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_keep_alive(IDLE_THREAD)
        .build()
        .map_err(|e| e.to_string())?;
    let tls = authority::server(Arc::clone(&authority))?.into();
    let ways = Ways { functions: door, machines: front, tls, authority };
    runtime.block_on(serve(place, options.listen, cloud, &ways, ready))
}

/// Whose certificates endpoints may have: the cloud's own authority's, and those of a file.
fn trust(own: Arc<Authority>, file: Option<&Path>) -> Result<Trust, String> {
    let more = match file {
        Some(file) => {
            let say = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
            let pem = fs::read_to_string(file).map_err(|e| say(&e))?;
            Trust::check(&pem).map_err(|e| say(&e))?;
            pem
        }
        None => String::new(),
    };
    Ok(Trust::of(move || own.pem().map(|own| format!("{own}\n{more}"))))
}

/// The ways from inside the cloud to it.
struct Ways {
    functions: Arc<compute::lambda::workshop::Door>,
    machines: Arc<ec2::front::Door>,
    tls: tokio_rustls::TlsAcceptor,
    authority: Arc<Authority>,
}

async fn serve(
    place: &Place,
    listen: SocketAddr,
    cloud: Arc<kernel::Cloud>,
    ways: &Ways,
    ready: impl FnOnce(&Running) -> Result<(), String>,
) -> Result<(), String> {
    let listener = listener::open(listen).map_err(|e| format!("{listen}: {e}"))?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let endpoint = format!("http://{}", shown(address));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| e.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;

    let (stop, _) = watch::channel(false);
    let background = cloud.start_background();
    let gateway = Arc::new(Gateway {
        cloud: Arc::clone(&cloud),
        endpoint: endpoint.clone(),
        tls: ways.tls.clone(),
        authority: Arc::clone(&ways.authority),
        stop: stop.clone(),
    });
    gateway.open(address.port(), &ways.functions);
    gateway.front(&ways.machines);
    let serving = tokio::spawn(gateway.serve(listener));

    let running = Running { pid: i32::try_from(std::process::id()).map_err(|e| e.to_string())?, endpoint };
    write_run_file(place, &running)?;
    ready(&running)?;
    let small = tokio::spawn(pages::keep_small(Arc::clone(&cloud)));
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    kernel::log::info("stopping", &[]);
    small.abort();
    // Told to those, too, who have not begun to listen: `send` would keep nothing where nobody does yet.
    stop.send_replace(true);
    let _ = serving.await;
    background.stop().await;
    let closed = cloud.close().await;
    let _ = fs::remove_file(place.run_file());
    closed
}

/// What clients on this machine use: an address that means "all" is reached by loopback.
fn shown(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}

/// Written beside and renamed, so that a reader never sees half of it.
fn write_run_file(place: &Place, running: &Running) -> Result<(), String> {
    let path = place.run_file();
    let draft = path.with_extension("draft");
    let text = serde_json::json!({ "pid": running.pid, "endpoint": running.endpoint }).to_string();
    fs::write(&draft, text)
        .and_then(|()| fs::rename(&draft, &path))
        .map_err(|e| format!("{}: {e}", path.display()))
}

/// The key under which all secrets are sealed: made at the first start, readable by its owner only.
fn master_key(path: &Path, rng: &Rng) -> Result<[u8; KEY_BYTES], String> {
    let say = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return make_master_key(path, rng),
        Err(e) => return Err(say(&e)),
    };
    let mode = file.metadata().map_err(|e| say(&e))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(say(&format!("mode {:o} lets others read it; chmod 600 it", mode & 0o777)));
    }
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key).map_err(|e| say(&e))?;
    Ok(key)
}

fn make_master_key(path: &Path, rng: &Rng) -> Result<[u8; KEY_BYTES], String> {
    let say = |e: std::io::Error| format!("{}: {e}", path.display());
    let key: [u8; KEY_BYTES] = rng.bytes();
    // Whole or not there: a key of which a crash left half would lock every secret away.
    let draft = path.with_extension("draft");
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(say)?;
    file.write_all(&key).and_then(|()| file.sync_all()).map_err(say)?;
    fs::rename(&draft, path).map_err(say)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|dir| dir.sync_all()).map_err(say)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::master_key;
    use base::Rng;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_master_key_is_made_once_and_kept_to_its_owner() {
        let dir = std::env::temp_dir().join(format!("virga-key-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("master.key");
        let key = master_key(&path, &Rng::seeded(1)).unwrap();
        assert_eq!(master_key(&path, &Rng::seeded(2)).unwrap(), key);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = master_key(&path, &Rng::seeded(3)).unwrap_err();
        assert!(refused.contains("lets others read it"), "{refused}");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
