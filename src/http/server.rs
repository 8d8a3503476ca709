//! Listeners, workers and timeouts.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, rt, web};

use super::connections::Connections;
use super::edge::Edge;
use super::entry::{Site, entry};
use crate::config::Settings;

/// A server that listens. It answers while [`Running::server`] is polled.
pub struct Running {
    /// To be awaited within an actix system; ends when it is stopped.
    pub server: Server,
    /// Stops it; cheap to clone.
    pub handle: ServerHandle,
    /// Where it listens; with the port that the system picked, when it was to pick one.
    pub address: SocketAddr,
}

/// Serves environments on a listener: HTTP/1.1, and HTTP/2 for clients that begin with its preface. With several environments
/// each is reached by its base path.
///
/// Signals are left to the caller: mark the edges as stopping, then stop the handle gracefully.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(edges: Vec<Edge>, listener: TcpListener, settings: &Settings) -> io::Result<Running> {
    let address = listener.local_addr()?;
    let limits = &settings.limits;
    let workers = match usize::try_from(settings.server.workers).unwrap_or(0) {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    // Every worker has its share, rounded up.
    let per_worker = usize::try_from(limits.connections_max).unwrap_or(usize::MAX).div_ceil(workers);
    let site = web::Data::new(Site::new(edges));
    let public = (!address.ip().is_loopback()).then(|| Connections::new(limits.connections_per_address_max));

    let server = HttpServer::new(move || App::new().app_data(site.clone()).default_service(web::to(entry)))
        .workers(workers)
        .backlog(u32::try_from(settings.server.backlog_connections).unwrap_or(u32::MAX))
        .max_connections(per_worker)
        .keep_alive(Duration::from_millis(limits.keep_alive_ms))
        .client_request_timeout(Duration::from_millis(limits.header_deadline_ms))
        .shutdown_timeout(settings.server.stop_deadline_ms.div_ceil(1_000))
        .tcp_nodelay(true)
        // A client that closes its side has gone away: its wait ends and its place is free. What it asked for goes on.
        .h1_allow_half_closed(false)
        .disable_signals()
        .on_connect(move |connection, data| {
            let Some(connections) = &public else { return };
            let peer = connection.downcast_ref::<rt::net::TcpStream>().and_then(|stream| stream.peer_addr().ok());
            if let Some(peer) = peer {
                data.insert(Arc::new(connections.enter(peer.ip())));
            }
        })
        .listen_auto_h2c(listener)?
        .run();
    tracing::info!(%address, workers, "serving");
    Ok(Running { handle: server.handle(), server, address })
}
