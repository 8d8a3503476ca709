//! What commands act on.

use std::path::PathBuf;
use std::sync::Arc;

use kassette_actors::Gateway;
use kassette_actors::callbacks::OpenCallbackStore;
use kassette_model::Environment;
use kassette_stdx::{Clock, Entropy};
use tokio::sync::Mutex;

use crate::keys::KeyFolder;

/// One opened environment.
#[derive(Clone)]
pub struct Context {
    /// Its data folder.
    pub data_dir: PathBuf,
    /// Which one.
    pub environment: Environment,
    /// The running node.
    pub gateway: Gateway,
    /// Opens the progress of callbacks; `None` when the node sends them and has it, or no server has made it yet.
    pub callback_store: Option<OpenCallbackStore>,
    /// Its key folder.
    pub keys: Arc<KeyFolder>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Held from the reading of a configuration to the end of its change: a change is written whole, and would undo one in between.
    pub configuring: Arc<Mutex<()>>,
}
