//! A pseudo terminal that looks like the device file of a USB cable.
//!
//! The other side opens the device file when it likes. Until it has said something we hold the file open too, as reading fails while nobody
//! has; then we let go, so that we learn when the last one has closed it. What the terminal says meanwhile to nobody is lost, as on a real
//! port that nobody has open.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, QueueSelector, ioctl_tiocnxcl, tcflush, tcgetattr, tcsetattr};

use super::line::Taken;

/// See [`super::line::Line::grace`].
pub(super) const GRACE: Duration = Duration::from_millis(50);
/// How often a register that died before it said anything is looked for.
const CARE_EVERY: Duration = Duration::from_secs(1);
/// Speed that the device file tells to those who ask, in bits per second.
const SPEED_BPS: u32 = 9_600;

struct Device {
    master: OwnedFd,
    path: PathBuf,
    hold: Option<OwnedFd>,
}

/// See the module.
pub(super) struct PtyLine {
    link: Option<PathBuf>,
    device: Option<Device>,
}

impl PtyLine {
    pub(super) fn open(link: Option<PathBuf>) -> io::Result<Self> {
        let mut line = Self { link, device: None };
        line.put_back()?;
        Ok(line)
    }

    /// The link, or the device file when there is none; `None` while the line is pulled.
    pub(super) fn path(&self) -> Option<&Path> {
        let device = self.device.as_ref()?;
        Some(self.link.as_deref().unwrap_or(&device.path))
    }

    /// Where it is, or where it will be, for people.
    pub(super) fn at(&self) -> String {
        let path = self.link.as_deref().or_else(|| self.path());
        path.map_or_else(|| "a pseudo terminal".to_owned(), |path| path.display().to_string())
    }

    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.device.as_ref().map(|device| device.master.as_fd())
    }

    pub(super) fn take(&mut self, buffer: &mut [u8]) -> io::Result<Taken> {
        let Some(device) = &mut self.device else { return Ok(Taken::Nothing) };
        match rustix::io::read(&device.master, buffer) {
            Ok(0) | Err(Errno::AGAIN | Errno::INTR) => Ok(Taken::Nothing),
            Ok(count) => {
                let hold = device.hold.take();
                if let Some(hold) = &hold {
                    // Who opens a port for itself alone sets a mark that on a real one goes away with it; here it would stay.
                    _ = ioctl_tiocnxcl(hold);
                }
                Ok(Taken::Bytes { count, first: hold.is_some() })
            }
            Err(Errno::IO) => {
                device.hold = Some(hold(&device.path)?);
                Ok(Taken::Closed)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn give(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.device {
            Some(Device { master, hold: None, .. }) => match rustix::io::write(master, bytes) {
                Ok(count) => Ok(count),
                Err(Errno::AGAIN | Errno::INTR) => Ok(0),
                // Reading will tell that nobody has it open any more.
                Err(Errno::IO) => Ok(bytes.len()),
                Err(error) => Err(error.into()),
            },
            _ => Ok(bytes.len()),
        }
    }

    pub(super) fn cut(&mut self) -> io::Result<()> {
        self.device = None;
        self.put_back()
    }

    pub(super) fn pull(&mut self) {
        self.unlink();
        self.device = None;
    }

    pub(super) fn put_back(&mut self) -> io::Result<()> {
        if self.device.is_none() {
            let device = Device::open()?;
            if let Some(link) = &self.link {
                point(link, &device.path)?;
            }
            self.device = Some(device);
        }
        Ok(())
    }

    pub(super) fn wants_care_in(&self) -> Option<Duration> {
        self.device.as_ref().and_then(|device| device.hold.as_ref()).map(|_| CARE_EVERY)
    }

    pub(super) fn look_after(&self) {
        if let Some(Device { hold: Some(hold), .. }) = &self.device {
            _ = ioctl_tiocnxcl(hold);
        }
    }

    /// Takes the link away when it is still ours.
    fn unlink(&self) {
        if let (Some(link), Some(device)) = (&self.link, &self.device)
            && std::fs::read_link(link).is_ok_and(|target| target == device.path)
        {
            drop(std::fs::remove_file(link));
        }
    }
}

impl Drop for PtyLine {
    fn drop(&mut self) {
        self.unlink();
    }
}

impl Device {
    fn open() -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        fcntl_setfd(&master, FdFlags::CLOEXEC)?;
        rustix::fs::fcntl_setfl(&master, OFlags::RDWR | OFlags::NONBLOCK)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let path = PathBuf::from(std::ffi::OsString::from_vec(name.into_bytes()));
        let hold = Some(hold(&path)?);
        Ok(Self { master, path, hold })
    }
}

/// Opens the device file, forgets what nobody has read and sets it raw: bytes go through as they are, and nothing is echoed.
fn hold(path: &Path) -> io::Result<OwnedFd> {
    let hold = rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    let mut terminal = tcgetattr(&hold)?;
    terminal.make_raw();
    terminal.set_speed(SPEED_BPS)?;
    tcsetattr(&hold, OptionalActions::Now, &terminal)?;
    tcflush(&hold, QueueSelector::IFlush)?;
    Ok(hold)
}

/// Points a link to a device file. A link that is there is replaced at once; any other file is left alone.
fn point(link: &Path, device: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(link) {
        Ok(found) if !found.file_type().is_symlink() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is not a link"));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut beside = link.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(device, &beside)?;
    std::fs::rename(&beside, link)
}
