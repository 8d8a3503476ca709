//! Which actor a panic belongs to.

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic;
use std::sync::Once;

use super::lease::ChildPath;

thread_local! {
    /// The child whose code runs on this thread at the moment.
    static CURRENT: RefCell<Option<ChildPath>> = const { RefCell::new(None) };
}

static INSTALLED: Once = Once::new();

/// Names the child whose code runs until this is dropped.
pub(super) struct Running {
    before: Option<ChildPath>,
}

impl Running {
    pub(super) fn enter(path: &ChildPath) -> Self {
        Self { before: CURRENT.replace(Some(path.clone())) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // During the end of a thread its locals may be gone already; then nobody can read this one either.
        let _ = CURRENT.try_with(|current| current.replace(self.before.take()));
    }
}

/// The child whose code runs on this thread, if one does.
#[must_use]
pub fn current_child() -> Option<ChildPath> {
    CURRENT.try_with(|current| current.try_borrow().ok().and_then(|path| path.clone())).ok().flatten()
}

/// Logs every panic once, as one event with the child's path, the place and a backtrace. A panic outside a child goes
/// on to the hook that was there before. Calling it again does nothing.
pub fn install_panic_hook() {
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let Some(child) = current_child() else { return before(info) };
            let message = info.payload_as_str().unwrap_or("a panic whose payload is no text");
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let backtrace = Backtrace::force_capture();
            tracing::error!(child = %child, panic = message, place, %backtrace, "panic in a child");
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The release profile says so too, and `mod.rs` refuses to compile otherwise.
    #[test]
    fn a_panic_unwinds() {
        assert_eq!(if cfg!(panic = "unwind") { "unwind" } else { "abort" }, "unwind");
        assert!(panic::catch_unwind(|| panic!("planted, to be caught")).is_err());
    }

    #[test]
    fn the_current_child_is_the_innermost_and_is_restored() {
        assert_eq!(current_child(), None);
        let outer = Running::enter(&ChildPath::root("outer"));
        {
            let _inner = Running::enter(&ChildPath::root("inner"));
            assert_eq!(current_child(), Some(ChildPath::root("inner")));
        }
        assert_eq!(current_child(), Some(ChildPath::root("outer")));
        drop(outer);
        assert_eq!(current_child(), None);
    }
}
