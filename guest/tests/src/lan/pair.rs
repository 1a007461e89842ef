//! TCP from Guest to Guest: 200,000 bytes there, and a checksum of them back.
//!
//! `role=server` is the first Guest of the machine and `role=client` the second; addresses are
//! those the gateway would give them. `far=10.77.0.8` is the other's.
//!
//! Next on the tour: `src/lan/foreign.rs`.

use kit::lan::{Host, Nic};
use kit::{boot_params, println, report, words};
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::socket::tcp;
use smoltcp::wire::Ipv4Address;

use super::until;

const BYTES: u32 = 200_000;
const PORT: u16 = 4711;

/// What this Guest is told to be, or the end of the test where it is told nothing.
pub fn role() -> &'static str {
    words::value(boot_params::command_line(), "role").unwrap_or_else(|| report::skip("nobody to talk to"))
}

/// Is the server or the client, as `role` says.
pub fn talk<N: Nic>(mut host: Host<N>, role: &str) {
    let (mut receive, mut transmit) = ([0; 8192], [0; 8192]);
    let socket =
        tcp::Socket::new(tcp::SocketBuffer::new(&mut receive[..]), tcp::SocketBuffer::new(&mut transmit[..]));
    let mut storage = [SocketStorage::EMPTY; 2];
    let mut sockets = SocketSet::new(&mut storage[..]);
    host.ask_for_address().expect("the gateway gives addresses and tells its own");
    let handle = sockets.add(socket);
    if role == "server" {
        sockets.get_mut::<tcp::Socket<'_>>(handle).listen(PORT).expect("a closed socket listens");
    }
    let mut talk = Talk { is_server: role == "server", sent: 0, heard: 0, sum: 0, answer: [0; 4] };
    until(&mut host, &mut sockets, |stack, sockets| {
        let socket = sockets.get_mut::<tcp::Socket<'_>>(handle);
        if role != "server" && !socket.is_open() && talk.sent == 0 {
            // The server may not be up yet: its refusal closes the socket, and this is the next try.
            socket.connect(stack.context(), (server(), PORT), 40_000).expect("a closed socket connects");
        }
        talk.go_on(socket)
    });
    until(&mut host, &mut sockets, |_, sockets| {
        let socket = sockets.get_mut::<tcp::Socket<'_>>(handle);
        socket.close();
        // The last word may stay unanswered: the other Guest may be gone by then.
        let over = [tcp::State::Closed, tcp::State::TimeWait, tcp::State::FinWait2, tcp::State::LastAck];
        over.contains(&socket.state()).then_some(())
    });
    println!("{role}: {} bytes sent, {} heard", talk.sent, talk.heard);
}

fn server() -> Ipv4Address {
    let word = words::value(boot_params::command_line(), "far").unwrap_or("10.77.0.8");
    word.parse().unwrap_or_else(|_| panic!("far={word} is no address"))
}

/// How far a conversation has come.
struct Talk {
    is_server: bool,
    sent: u32,
    heard: u32,
    sum: u32,
    answer: [u8; 4],
}

impl Talk {
    /// Sends and hears what can be; `Some` when all has been said.
    fn go_on(&mut self, socket: &mut tcp::Socket<'_>) -> Option<()> {
        if self.is_server { self.serve(socket) } else { self.ask(socket) }
    }

    fn serve(&mut self, socket: &mut tcp::Socket<'_>) -> Option<()> {
        let mut bytes = [0; 1024];
        while let Ok(len @ 1..) = socket.recv_slice(&mut bytes) {
            self.sum = bytes[..len].iter().fold(self.sum, |sum, &byte| mix(sum, byte));
            self.heard += len as u32;
        }
        if self.heard == BYTES && self.sent == 0 {
            self.sent = socket.send_slice(&self.sum.to_le_bytes()).expect("the client still listens") as u32;
        }
        (self.sent == 4 && socket.send_queue() == 0).then_some(())
    }

    fn ask(&mut self, socket: &mut tcp::Socket<'_>) -> Option<()> {
        while socket.can_send() && self.sent < BYTES {
            let bytes: [u8; 512] = core::array::from_fn(|place| byte(self.sent + place as u32));
            let most = bytes.len().min((BYTES - self.sent) as usize);
            let sent = socket.send_slice(&bytes[..most]).expect("the connection holds") as u32;
            self.sum = bytes[..sent as usize].iter().fold(self.sum, |sum, &byte| mix(sum, byte));
            self.sent += sent;
        }
        while let Ok(len @ 1..) = socket.recv_slice(&mut self.answer[self.heard as usize..]) {
            self.heard += len as u32;
        }
        (self.heard == 4).then(|| assert_eq!(u32::from_le_bytes(self.answer), self.sum, "other bytes came"))
    }
}

fn byte(place: u32) -> u8 {
    (place.wrapping_mul(0x9E37_79B1) >> 24) as u8
}

fn mix(sum: u32, byte: u8) -> u32 {
    sum.rotate_left(5) ^ u32::from(byte)
}
