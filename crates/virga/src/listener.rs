//! The socket that clients come to, with room for many who come at once.

use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be taken. Who comes when there is no room tries again, but only a second later.
const WAITING_MAX: u32 = 4096;

/// Listens at the address; the process may have as many descriptors from then on as the system lets it.
///
/// # Errors
/// The system's, where the address is in use or not this machine's.
pub(crate) fn open(at: SocketAddr) -> io::Result<TcpListener> {
    host::raise_descriptor_limit();
    let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // The port of a cloud that has just ended is free.
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    socket.listen(WAITING_MAX)
}

#[cfg(test)]
mod tests {
    use super::open;
    use std::net::TcpStream;
    use std::time::Duration;

    #[tokio::test]
    async fn hundreds_come_at_once_and_nobody_waits() {
        let listener = open("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        // Less than the second after which who found no room tries again.
        let soon = Duration::from_millis(900);
        let came: Result<Vec<_>, _> = (0..600).map(|_| TcpStream::connect_timeout(&address, soon)).collect();
        assert_eq!(came.unwrap().len(), 600);
    }
}
