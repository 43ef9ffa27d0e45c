//! A road between two programs on which everything goes wrong that can go wrong on one. It is switched while it is used.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{beside, free_port};

/// In which direction something goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// From whoever connected.
    There,
    /// From whoever was connected to.
    Back,
}

/// A road to somewhere.
pub(crate) struct Faults {
    pub(crate) address: SocketAddr,
    road: Arc<Road>,
}

/// How the road is now.
#[derive(Clone, Debug)]
struct State {
    to: SocketAddr,
    /// Each way.
    delay: Duration,
    /// What is sent stays where it is, and nobody is told.
    silent: bool,
    refuses: bool,
    /// Rises when everything that is open is cut.
    cuts: u64,
}

struct Road {
    state: watch::Sender<State>,
    /// After how many more bytes in which direction everything is cut.
    fuse: Mutex<Option<(Way, usize)>>,
}

impl Faults {
    /// A road on which nothing goes wrong yet.
    pub(crate) fn toward(to: SocketAddr) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let state = State { to, delay: Duration::ZERO, silent: false, refuses: false, cuts: 0 };
        let road = Arc::new(Road { state: watch::Sender::new(state), fuse: Mutex::default() });
        // It listens when this returns.
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        beside(listen(address, TcpListener::from_std(listener).unwrap(), Arc::clone(&road)));
        Self { address, road }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.road.state.send_modify(change);
    }

    /// Nothing goes wrong any more. What was held back goes on its way.
    pub(crate) fn pass(&self) {
        *self.road.fuse.lock().unwrap() = None;
        self.change(|state| (state.delay, state.silent, state.refuses) = (Duration::ZERO, false, false));
    }

    /// Everything takes so much longer, each way.
    pub(crate) fn delay(&self, delay: Duration) {
        self.change(|state| state.delay = delay);
    }

    /// Connections stay open, and are opened, and nothing arrives.
    pub(crate) fn fall_silent(&self) {
        self.change(|state| state.silent = true);
    }

    /// Nobody can connect.
    pub(crate) fn refuse(&self) {
        self.change(|state| state.refuses = true);
    }

    /// Cuts every connection.
    pub(crate) fn cut(&self) {
        self.change(|state| state.cuts += 1);
    }

    /// Lets so many more bytes go this way, over all connections, and then cuts every one.
    pub(crate) fn cut_after(&self, way: Way, bytes: usize) {
        *self.road.fuse.lock().unwrap() = Some((way, bytes));
    }

    /// Whether the cut that was asked for has happened.
    pub(crate) fn has_cut(&self) -> bool {
        self.road.fuse.lock().unwrap().is_none()
    }

    /// Whoever connects from now on gets somewhere else; what is open is cut.
    pub(crate) fn turn_to(&self, to: SocketAddr) {
        self.change(|state| (state.to, state.cuts) = (to, state.cuts + 1));
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.change(|state| (state.refuses, state.cuts) = (true, state.cuts + 1));
    }
}

async fn listen(address: SocketAddr, first: TcpListener, road: Arc<Road>) {
    let mut state = road.state.subscribe();
    let mut listener = Some(first);
    loop {
        if state.borrow_and_update().refuses {
            listener = None;
        } else if listener.is_none() {
            listener = Some(TcpListener::bind(address).await.unwrap());
        }
        let accepting = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Ok((stream, _)) = accepting => beside(connect(stream, Arc::clone(&road))),
            changed = state.changed() => if changed.is_err() { return },
        }
    }
}

async fn connect(from: TcpStream, road: Arc<Road>) {
    let mut state = road.state.subscribe();
    let State { to, cuts, .. } = state.borrow_and_update().clone();
    let Ok(to) = TcpStream::connect(to).await else { return };
    from.set_nodelay(true).unwrap();
    to.set_nodelay(true).unwrap();
    let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
    tokio::select! {
        () = carry(Way::There, from_read, to_write, &road) => {},
        () = carry(Way::Back, to_read, from_write, &road) => {},
        _ = state.wait_for(|state| state.cuts != cuts) => {},
    }
}

/// Carries bytes one way until either side closes.
async fn carry(way: Way, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, road: &Road) {
    let (send, mut under_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let mut state = road.state.subscribe();
    let reading = async move {
        let mut piece = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut piece).await {
            let due = Instant::now() + road.state.borrow().delay;
            if send.send((due, piece[..read].to_vec())).is_err() {
                return;
            }
        }
    };
    let writing = async {
        while let Some((due, mut piece)) = under_way.recv().await {
            sleep_until(due).await;
            if state.wait_for(|state| !state.silent).await.is_err() {
                return;
            }
            let is_burnt = road.burn(way, &mut piece);
            if to.write_all(&piece).await.is_err() {
                return;
            }
            if is_burnt {
                road.state.send_modify(|state| state.cuts += 1);
            }
        }
    };
    tokio::join!(reading, writing);
}

impl Road {
    /// Shortens what goes this way to what may still go; whether that was the last.
    fn burn(&self, way: Way, piece: &mut Vec<u8>) -> bool {
        let mut fuse = self.fuse.lock().unwrap();
        match *fuse {
            Some((which, left)) if which == way && left <= piece.len() => {
                piece.truncate(left);
                *fuse = None;
                true
            }
            Some((which, left)) if which == way => {
                *fuse = Some((way, left - piece.len()));
                false
            }
            _ => false,
        }
    }
}
