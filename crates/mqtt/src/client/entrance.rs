use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc::UnboundedSender,
    task::{AbortHandle, JoinSet},
};

use super::{
    Event,
    answers::Answers,
    backlog::Backlog,
    connect_packet::{self, Greeting},
    relay::{Guarded, Relay, Way, runtime},
};
use crate::transport::Opened;

/// How many may be at the entrance at once that have not said who they are. For one more the oldest is sent away.
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
        events: UnboundedSender<Event>,
    ) -> io::Result<Relay> {
        let keep_alive = Duration::from_secs(greeting.keep_alive.into());
        let mut guests =
            Guests { greeting: Arc::new(greeting), reading: JoinSet::new(), order: VecDeque::new() };
        loop {
            tokio::select! {
                accepted = self.listener.accept() => guests.welcome(accepted?.0)?,
                Some(guest) = guests.reading.join_next() => {
                    if let Ok(Ok((client, connect))) = guest {
                        let way = Way { connect, keep_alive, broker, guard, backlog, answers, events };
                        return Relay::start(client, way);
                    }
                }
            }
        }
    }
}

/// Those at the entrance, of whom at most one is the client.
struct Guests {
    greeting: Arc<Greeting>,
    reading: JoinSet<io::Result<(TcpStream, Vec<u8>)>>,
    /// The oldest first.
    order: VecDeque<AbortHandle>,
}

impl Guests {
    /// Has one more say who it is.
    fn welcome(&mut self, mut guest: TcpStream) -> io::Result<()> {
        self.order.retain(|guest| !guest.is_finished());
        if self.order.len() >= MOST_GUESTS
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
        let greeting = self.greeting.clone();
        let reading = async move {
            let connect = connect_packet::read(&mut guest, &greeting).await?;
            Ok((guest, connect))
        };
        self.order.push_back(self.reading.spawn_on(reading, runtime()?));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::mpsc::unbounded_channel,
        time::timeout,
    };

    use super::*;
    use crate::{client::connect_packet::Session, secret::Secret};

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn silent_guests_do_not_keep_the_client_out_however_many_they_are() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let to_broker = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let entrance = Entrance::open().await.unwrap();
        let address = entrance.address;
        let mut silent = Vec::new();
        for _ in 0..2 * MOST_GUESTS {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"\x10\x11\0\x04MQTT\x04\x42\0\0\0\0\0\x03key").await.unwrap();
        let greeting =
            Greeting { secret: Secret::new("key"), password: None, session: Session::Clean, keep_alive: 0 };
        let opened = Opened::plain(to_broker);
        let (backlog, answers, (events, _)) = (Arc::default(), Arc::default(), unbounded_channel());
        let admitted = entrance.admit(opened, greeting, None, backlog, answers, events);
        let _relay = timeout(SOON, admitted).await.expect("the client is kept out").unwrap();
        // All of them are sent away in the end.
        for guest in &mut silent {
            let mut read = Vec::new();
            let _ = timeout(SOON, guest.read_to_end(&mut read)).await.expect("it is still there");
            assert!(read.is_empty());
        }
    }
}
