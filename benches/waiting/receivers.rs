//! Receivers of callbacks on loopback: one that answers, and some that never do.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use actix_web::{App, HttpResponse, HttpServer, web};
use parking_lot::Mutex;

/// Takes every message and counts.
pub(crate) struct Healthy {
    pub(crate) port: u16,
    pub(crate) taken: Arc<AtomicU64>,
    pub(crate) first: Arc<Mutex<Option<Instant>>>,
}

impl Healthy {
    pub(crate) fn start() -> Self {
        let (taken, first) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(None)));
        let (counted, seen) = (Arc::clone(&taken), Arc::clone(&first));
        let (ready, started) = mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                // It stands for other machines: of ours it takes what is left. Its worker inherits this.
                let this_thread = Some(rustix::thread::gettid());
                rustix::process::setpriority_process(this_thread, 19).unwrap();
                let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
                ready.send(listener.local_addr().unwrap().port()).unwrap();
                let app = move || {
                    let (counted, seen) = (Arc::clone(&counted), Arc::clone(&seen));
                    App::new().default_service(web::to(move |_: web::Bytes| {
                        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                            *seen.lock() = Some(Instant::now());
                        }
                        async { HttpResponse::NoContent().finish() }
                    }))
                };
                HttpServer::new(app).workers(1).backlog(8_192).disable_signals().listen(listener).unwrap().run().await
            })
        });
        Self { port: started.recv().unwrap(), taken, first }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }
}

/// Listeners that never accept: the system takes the connection, nobody reads it.
pub(crate) fn silent(count: usize) -> Vec<TcpListener> {
    (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect()
}
