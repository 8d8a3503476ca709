//! A bare register: the dialogue of a payment over a socket, without a server, a journal or a supervisor.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use kassette::simulate::SimulatedTerminal;
use kassette_model::payment::PayAction;
use kassette_payments::zvt::session::{Order, Session, SessionEvent, SessionOptions};
use kassette_payments::zvt::{Link, Password, TcpLink};

/// Payments at all terminals at once, each by a thread of its own; how long each took, ms.
pub(crate) fn pay_everywhere(terminals: &[SimulatedTerminal], payments: u64) -> Vec<f64> {
    let together = Arc::new(Barrier::new(terminals.len()));
    let threads: Vec<_> = terminals
        .iter()
        .zip(0_u64..)
        .map(|(terminal, number)| {
            let turn = crate::turn(number, terminals.len() as u64);
            let (address, together) = (terminal.address().unwrap(), Arc::clone(&together));
            std::thread::spawn(move || {
                let mut register = Register::connect(TcpStream::connect(address).unwrap());
                together.wait();
                std::thread::sleep(turn);
                (0..payments).map(|_| register.pay()).collect::<Vec<f64>>()
            })
        })
        .collect();
    threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
}

struct Register {
    line: TcpStream,
    session: Session,
    began: Instant,
}

impl Register {
    fn connect(line: TcpStream) -> Self {
        line.set_nodelay(true).unwrap();
        line.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let session = Session::new(Link::Tcp(TcpLink::new()), SessionOptions::new(Password::new(0).unwrap()));
        let mut register = Self { line, session, began: Instant::now() };
        register.session.start(Duration::ZERO);
        register.until(|event| matches!(event, SessionEvent::Ready(_)));
        register
    }

    fn pay(&mut self) -> f64 {
        let begun = Instant::now();
        let order = Order { action: PayAction::Payment, amount_cents: 1_840, receipt_number: None };
        self.session.begin(order).unwrap();
        self.until(|event| matches!(event, SessionEvent::Ended { .. }));
        begun.elapsed().as_secs_f64() * 1_000.0
    }

    fn until(&mut self, wanted: impl Fn(&SessionEvent) -> bool) {
        let mut buffer = [0; 4_096];
        loop {
            while let Some(event) = self.session.next_event() {
                let now = self.began.elapsed();
                match &event {
                    SessionEvent::MaySend(_) => self.session.send(now),
                    SessionEvent::Told(_) => self.session.acknowledge(now),
                    _ => {}
                }
                if wanted(&event) {
                    return;
                }
            }
            let out = self.session.take_output();
            self.line.write_all(&out).unwrap();
            if out.is_empty() {
                let count = self.line.read(&mut buffer).unwrap();
                assert!(count > 0, "the terminal went away");
                self.session.receive(&buffer[..count], self.began.elapsed());
            }
        }
    }
}
