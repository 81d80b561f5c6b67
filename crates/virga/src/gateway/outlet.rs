//! [`Outlet`]: a connection that answers leave by. Where it is a plain one, the kernel can send parts of files itself, so
//! that their bytes are copied once less, and not by us.

use blob::Place;
use std::future::Future;
use std::io;
use tokio::io::{AsyncWrite, Interest};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

pub(super) trait Outlet: AsyncWrite + Unpin + Send + 'static {
    /// Whether [`Outlet::send_file`] can be asked for.
    fn sends_files(&self) -> bool {
        false
    }

    /// Sends so many bytes of a file.
    ///
    /// # Errors
    /// The connection's; `Unsupported` where files cannot be sent.
    fn send_file(&mut self, _: &Place, _: usize) -> impl Future<Output = io::Result<()>> + Send {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

impl Outlet for TcpStream {
    fn sends_files(&self) -> bool {
        true
    }

    async fn send_file(&mut self, place: &Place, length: usize) -> io::Result<()> {
        let (mut at, end) = (place.offset, place.offset + length as u64);
        while at < end {
            self.writable().await?;
            let left = (end - at) as usize;
            let sent = self.try_io(Interest::WRITABLE, || {
                Ok(rustix::fs::sendfile(&*self, &*place.file, Some(&mut at), left)?)
            });
            match sent {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }
}

/// What is encrypted on its way is encrypted by us.
impl Outlet for TlsStream<TcpStream> {}

#[cfg(test)]
impl Outlet for Vec<u8> {}
