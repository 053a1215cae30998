use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinSet,
};

use super::{
    answers::Answers,
    backlog::Backlog,
    connect_packet::{self, Greeting},
    relay::{Guarded, Relay, Way, runtime},
};
use crate::transport::Opened;

/// How many may be at the entrance at once that have not said who they are.
const MOST_GUESTS: usize = 64;

/// What the system may hold of what is passed on to a client.
const SEND_BUFFER: u32 = 128 * 1024;

/// Where the client connects to, instead of the broker.
pub(super) struct Entrance {
    listener: TcpListener,
    pub(super) address: SocketAddr,
}

impl Entrance {
    pub(super) async fn open() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // For the connection that it accepts: what is in there can be held back no more.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(1024)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Waits for the client, who knows the secret. Who else on this machine comes before it is sent away.
    pub(super) async fn admit(
        self,
        broker: Opened,
        greeting: Greeting,
        guard: Option<Guarded>,
        backlog: Arc<Backlog>,
        answers: Arc<Answers>,
    ) -> io::Result<Relay> {
        let greeting = Arc::new(greeting);
        let mut guests = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if guests.len() < MOST_GUESTS => {
                    let (mut client, _) = accepted?;
                    let greeting = greeting.clone();
                    let reading = async move {
                        let connect = connect_packet::read(&mut client, &greeting).await?;
                        io::Result::Ok((client, connect))
                    };
                    guests.spawn_on(reading, runtime()?);
                }
                Some(guest) = guests.join_next() => {
                    if let Ok(Ok((client, connect))) = guest {
                        return Relay::start(client, Way { connect, broker, guard, backlog, answers });
                    }
                }
            }
        }
    }
}
