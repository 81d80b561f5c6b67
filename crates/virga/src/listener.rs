//! The socket that clients come to, with room for many who come at once.

use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be taken. Who comes when there is no room tries again, but only a second later.
const WAITING_MAX: u32 = 4096;

/// What may wait to be read by a client on this machine, in bytes; the kernel counts twice as many, with its own notes.
/// Left alone it lets four million wait: a large answer is then written past the processor's caches, and read back from
/// memory at half the speed.
const UNREAD_BYTES_MAX: u32 = 256 << 10;

/// Listens at the address; the process may have as many descriptors from then on as the system lets it.
///
/// # Errors
/// The system's, where the address is in use or not this machine's.
pub(crate) fn open(at: SocketAddr) -> io::Result<TcpListener> {
    host::raise_descriptor_limit();
    let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // The port of a cloud that has just ended is free.
    socket.set_reuseaddr(true)?;
    if at.ip().is_loopback() {
        // Who is far away needs more on the way, and the kernel finds out how much.
        socket.set_send_buffer_size(UNREAD_BYTES_MAX)?;
    }
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

    #[tokio::test]
    async fn little_waits_for_a_client_on_this_machine() {
        let near = open("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = TcpStream::connect(near.local_addr().unwrap()).unwrap();
        let (stream, _) = near.accept().await.unwrap();
        let whole = vec![0; 64 << 20];
        let mut written = 0;
        // Nobody reads: what is taken is what may wait here and, within its own limit, with the client.
        while let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(200), stream.writable()).await {
            written += stream.try_write(&whole[written..]).unwrap_or(0);
        }
        assert!(written > 0 && written < 1 << 20, "{written}");
        drop(client);
    }
}
