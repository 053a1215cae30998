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

    fn moments<T>(&self, what: impl FnOnce(&mut Moments) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection whose traffic is noted.
pub(super) struct Noted {
    pub(super) tcp: TcpStream,
    pub(super) traffic: Traffic,
}

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
        let written = ready!(Pin::new(&mut self.tcp).poll_write(context, bytes))?;
        self.traffic.note_written();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
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
