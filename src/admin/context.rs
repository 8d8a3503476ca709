//! What commands act on.

use std::path::PathBuf;
use std::sync::Arc;

use kassette_actors::Gateway;
use kassette_model::Environment;
use kassette_stdx::{Clock, Entropy};

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
    /// Its key folder.
    pub keys: Arc<KeyFolder>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
}
