use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

/// When something went over a connection last. What encrypts, and what makes frames, holds more back than the system moves at once,
/// so it is noted below them.
#[derive(Clone, Default)]
pub(crate) struct Traffic(Arc<Mutex<Moments>>);

#[derive(Clone, Copy, Default)]
struct Moments {
    read: Option<Instant>,
    written: Option<Instant>,
    is_leaving: bool,
}

impl Traffic {
    pub(crate) fn last_read(&self) -> Option<Instant> {
        self.moments(|moments| moments.read)
    }

    pub(crate) fn last_written(&self) -> Option<Instant> {
        self.moments(|moments| moments.written)
    }

    pub(crate) fn note_read(&self) {
        self.moments(|moments| moments.read = Some(Instant::now()));
    }

    pub(crate) fn note_written(&self) {
        self.moments(|moments| moments.written = Some(Instant::now()));
    }

    /// Nobody looks any more at how much goes over the connection: what is still written to it the system is to take as it can, and
    /// to send also when the connection is closed.
    pub(crate) fn leave(&self) {
        self.moments(|moments| moments.is_leaving = true);
    }

    /// Whether that is so since this was asked.
    fn takes_leave(&self) -> bool {
        self.moments(|moments| std::mem::take(&mut moments.is_leaving))
    }

    fn moments<T>(&self, what: impl FnOnce(&mut Moments) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the system takes without having sent it. Otherwise it takes megabytes, and then nothing until a third of them is through,
/// which looks like a dead connection where the network is slow. What is on its way does not count, so that a long way loses no
/// more speed than it takes to write the next bytes.
const MOST_UNSENT: u32 = 32 * 1024;

const AS_THE_SYSTEM_LIKES: u32 = 0;

/// A connection whose traffic is noted.
pub(super) struct Noted {
    tcp: TcpStream,
    traffic: Traffic,
}

impl Noted {
    pub(super) fn new(tcp: TcpStream, traffic: Traffic) -> Self {
        unsent(&tcp, MOST_UNSENT);
        Self { tcp, traffic }
    }

    fn heed_leave(&self) {
        if self.traffic.takes_leave() {
            unsent(&self.tcp, AS_THE_SYSTEM_LIKES);
        }
    }
}

/// From so many unsent bytes on the system takes no more. Where it cannot, a slow network needs a longer keep-alive time.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn unsent(tcp: &TcpStream, most: u32) {
    let _ = socket2::SockRef::from(tcp).set_tcp_notsent_lowat(most);
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn unsent(_: &TcpStream, _: u32) {}

impl AsyncRead for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.tcp).poll_read(context, buffer))?;
        self.traffic.note_read();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Noted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.heed_leave();
        let written = ready!(Pin::new(&mut self.tcp).poll_write(context, bytes))?;
        self.traffic.note_written();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.heed_leave();
        let written = ready!(Pin::new(&mut self.tcp).poll_write_vectored(context, slices))?;
        self.traffic.note_written();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
