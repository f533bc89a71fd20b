//! Connections of isocord's, in calls that are encrypted end to end.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use isocord_benches::serve;
use isocord_io::connection::Connection;
use isocord_io::engine::Engine;
use isocord_io::events::{Event, EventHandler};
use isocord_io::receive::queue::{Form, FrameReader};
use isocord_proto::dave::{ReceiverChange, SenderRatchet};

use crate::Contestant;
use crate::speaker::{KEY, MODE, SECRET, SSRC, Speaker};

const BOUND: Duration = Duration::from_secs(20);
const USER: u64 = 8;

pub struct Calls {
    form: Option<Form>,
    engine: Arc<Engine>,
    connections: Vec<Connection>,
    server: Arc<UdpSocket>,
    addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

struct Hear(Mutex<Sender<Event>>);

impl EventHandler for Hear {
    fn on_event(&self, event: Event) {
        let _ = self.0.lock().unwrap().send(event);
    }
}

impl Calls {
    /// So many, with somebody who listens to each, or nobody.
    pub fn open(count: usize, form: Option<Form>) -> Self {
        let engine = Engine::start().unwrap();
        let server = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let (found, addresses) = channel();
        let serving = std::thread::spawn({
            let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
            move || {
                serve(&server, &stop, |from| {
                    let _ = found.send(from);
                });
            }
        });
        let (told, events) = channel();
        let handler = Arc::new(Hear(told.into()));
        let (mut connections, mut readers, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            let connection = Connection::new(Arc::clone(&engine), Arc::clone(&handler) as _).unwrap();
            connection.open(server.local_addr().unwrap(), 1, BOUND).unwrap();
            let Ok(Event::Discovered(_)) = events.recv_timeout(BOUND) else { panic!("not discovered") };
            found.push(addresses.recv().unwrap());
            connection.start_session(MODE, &KEY).unwrap();
            let members = vec![(USER, SenderRatchet::new(&SECRET))];
            connection.change_receivers(ReceiverChange::Epoch(members)).unwrap();
            connection.assign_ssrc(SSRC, USER).unwrap();
            readers.extend(form.map(|form| connection.listen(form, 256).unwrap()));
            connections.push(connection);
        }
        let listening = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || listen(readers, &stop)
        });
        Self { form, engine, connections, server, addresses: found, stop, threads: vec![serving, listening] }
    }
}

/// Takes what has come every 20 ms, on a thread of its own.
fn listen(mut readers: Vec<FrameReader>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20));
        for reader in &mut readers {
            reader.drain(usize::MAX, |_| {});
        }
    }
}

impl Contestant for Calls {
    fn name(&self) -> String {
        match self.form {
            None => "isocord".to_owned(),
            Some(form) => format!("isocord, {form:?}"),
        }
    }

    fn hear(&mut self, speaker: &mut Speaker, time: Duration) {
        speaker.speak(&self.server, &self.addresses, time);
    }

    fn threads(&self) -> &'static str {
        "isocord-recv"
    }

    fn packets(&self) -> u64 {
        self.connections.iter().map(|connection| connection.stats().packets_received).sum()
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.connections.clear();
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
        self.engine.stop();
    }
}
