//! Closed-loop load: some connections, each with one request on its way, on one thread.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::servers::Served;

pub(crate) struct Load<'a> {
    pub(crate) served: &'a Served,
    pub(crate) connections: u64,
    pub(crate) time: Duration,
    /// CPU of this process so far and of this thread so far, µs.
    pub(crate) cpu: fn() -> (u64, u64),
}

pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// CPU of the server per request: of the process without the load's own thread.
    pub(crate) cpu_us: f64,
    pub(crate) errors: u64,
}

/// A request with places for the operation id and the receipt reference, which stand once each.
pub(crate) struct Template {
    bytes: Vec<u8>,
    operation: usize,
    reference: usize,
}

const DIGITS: usize = 12;
/// Length of the answer to [`sale`], which the bare handler and the database give too.
pub(crate) const ANSWER_BYTES: usize = 809;

impl Template {
    pub(crate) fn of(served: &Served, connection: u64) -> Self {
        let (cash_box, token) = served.credentials(connection);
        let reference = format!("{:012}", 0);
        let body = sale(&reference);
        let callback = served
            .callback_url(connection)
            .map_or_else(String::new, |url| format!("x-operation-callback-state: {url}\r\n"));
        let text = format!(
            "POST /v2/sign HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nx-cashbox-id: {cash_box}\r\n{callback}\
             x-cashbox-accesstoken: {token}\r\nx-operation-id: {:08x}-5e55-4000-8000-000000000000\r\ncontent-length: {}\r\n\r\n{body}",
            rand(),
            body.len(),
        );
        let operation = text.find("-5e55-4000-8000-").unwrap() + 16;
        let reference = text.find("B-000000000000").unwrap() + 2;
        Self { bytes: text.into_bytes(), operation, reference }
    }

    /// What stands before, between and behind the two places.
    pub(crate) fn around_numbers(&self) -> [&str; 3] {
        let text = |from: usize, to: usize| std::str::from_utf8(&self.bytes[from..to]).unwrap();
        [
            text(0, self.operation),
            text(self.operation + DIGITS, self.reference),
            text(self.reference + DIGITS, self.bytes.len()),
        ]
    }

    fn number(&mut self, number: u64) {
        let digits = format!("{number:012}");
        for at in [self.operation, self.reference] {
            self.bytes[at..at + DIGITS].copy_from_slice(digits.as_bytes());
        }
    }
}

fn rand() -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).unwrap();
    u32::from_le_bytes(bytes)
}

/// A receipt of about 2 KB: eight lines, two rates, a card payment.
pub(crate) fn sale(reference: &str) -> String {
    let lines: Vec<String> = (1..=8)
        .map(|line| {
            format!(
                "{{\"Quantity\":2,\"Description\":\"Mittagsmenü Nummer {line} mit Suppe\",\"Amount\":12.80,\"VATRate\":{},\
                 \"ftChargeItemCase\":{},\"Position\":{line},\"ProductNumber\":\"P-000{line}\",\"ProductGroup\":\"Küche\",\"Unit\":\"Stk\"}}",
                if line % 2 == 0 { 10 } else { 20 },
                if line % 2 == 0 { 0x4154_2000_0000_0011_u64 } else { 0x4154_2000_0000_0013 },
            )
        })
        .collect();
    format!(
        "{{\"cbTerminalID\":\"bar-2\",\"cbReceiptReference\":\"B-{reference}\",\"cbReceiptMoment\":\"2026-03-04T10:15:34Z\",\
         \"ftReceiptCase\":{},\"cbChargeItems\":[{}],\"cbPayItems\":[{{\"Description\":\"Bar\",\"Amount\":102.40,\"ftPayItemCase\":{}}}],\
         \"cbUser\":\"Kellner 7\",\"cbArea\":\"Gastgarten\"}}",
        0x4154_2000_0000_0001_u64,
        lines.join(","),
        0x4154_2000_0000_0001_u64,
    )
}

impl Load<'_> {
    /// As fast as the answers come.
    pub(crate) fn run(&self) -> Figures {
        self.paced(None)
    }

    /// At `rate` requests per second over all connections, evenly spread, whatever the answers take; a late request is sent at once.
    pub(crate) fn at_rate(&self, rate: u64) -> Figures {
        self.paced(Some(Duration::from_nanos(1_000_000_000 * self.connections / rate)))
    }

    fn paced(&self, every: Option<Duration>) -> Figures {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (cpu_before, own_before) = (self.cpu)();
        let start = Instant::now();
        let end = start + self.time;
        let tasks = tokio::task::LocalSet::new();
        let results = tasks.block_on(&runtime, async {
            let running: Vec<_> = (0..self.connections)
                .map(|number| {
                    let template = Template::of(self.served, number);
                    // Each in its turn: together they would come as one burst, and only the burst would be measured.
                    let turn =
                        every.map(|every| (start + every.mul_f64(number as f64 / self.connections as f64), every));
                    tokio::task::spawn_local(connection(self.served.port, template, end, turn))
                })
                .collect();
            let mut results = Vec::new();
            for task in running {
                results.push(task.await.unwrap());
            }
            results
        });
        let elapsed = start.elapsed().as_secs_f64();
        let (cpu_after, own_after) = (self.cpu)();
        let errors = results.iter().map(|(_, errors)| errors).sum();
        let mut times: Vec<u64> = results.into_iter().flat_map(|(times, _)| times).collect();
        times.sort_unstable();
        let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or(0) as f64 / 1e6;
        let server_us = (cpu_after - cpu_before).saturating_sub(own_after - own_before);
        Figures {
            per_second: times.len() as f64 / elapsed,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            cpu_us: server_us as f64 / times.len().max(1) as f64,
            errors,
        }
    }
}

async fn connection(
    port: u16,
    mut template: Template,
    end: Instant,
    turn: Option<(Instant, Duration)>,
) -> (Vec<u64>, u64) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut times, mut errors, mut buffer) = (Vec::with_capacity(100_000), 0, vec![0; 64 * 1024]);
    let (mut number, mut due) = (0, turn.map_or_else(Instant::now, |(first, _)| first));
    while Instant::now() < end {
        number += 1;
        template.number(number);
        if let Some((_, every)) = turn {
            due += every;
            tokio::time::sleep_until(due.into()).await;
        }
        // From when it was due, so that a stall is counted in every request that it holds up.
        let begin = if turn.is_some() { due } else { Instant::now() };
        stream.write_all(&template.bytes).await.unwrap();
        let status = answer(&mut stream, &mut buffer).await;
        if status == 201 {
            times.push(u64::try_from(begin.elapsed().as_nanos()).unwrap());
        } else {
            errors += 1;
        }
    }
    (times, errors)
}

/// Reads one answer whole and gives its status.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> u16 {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let Some(head) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head]).unwrap();
        let length: usize = text
            .lines()
            .find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")))
            .map_or(0, |(_, value)| value.trim().parse().unwrap());
        let status = text[9..12].parse().unwrap();
        while filled < head + 4 + length {
            let read = stream.read(&mut buffer[filled..]).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            filled += read;
        }
        return status;
    }
}
