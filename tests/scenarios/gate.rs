use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use pip_services_test_broker::TestBroker;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

use crate::support::eventually;

/// A way to a broker that counts the connections through it, which no broker tells.
pub(crate) struct Gate {
    pub(crate) port: u16,
    now: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Gate {
    pub(crate) async fn to(broker: &TestBroker) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let now = Arc::new(AtomicUsize::new(0));
        let broker: SocketAddr = broker.address().parse().unwrap();
        let task = tokio::spawn(serve(listener, broker, now.clone())).abort_handle();
        Self { port, now, task }
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.now.load(Ordering::Acquire)
    }

    /// Waits until there is none.
    pub(crate) async fn empty(&self) {
        eventually("every connection is closed", async || self.connections() == 0).await;
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, broker: SocketAddr, now: Arc<AtomicUsize>) {
    while let Ok((mut client, _)) = listener.accept().await {
        now.fetch_add(1, Ordering::AcqRel);
        let now = now.clone();
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(broker).await {
                // How it ends is of no interest, only when.
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
            now.fetch_sub(1, Ordering::AcqRel);
        });
    }
}
