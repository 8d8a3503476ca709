//! The same load from `wrk -t1` in a process of its own, when it is installed: the goals were set with it. It needs about twice the
//! CPU per request of the generator in `load`, on the same cores and on both sides of a ratio.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::load::{Figures, Template};
use crate::servers::{Served, process_cpu_us};

/// Whether the program is there.
pub(crate) fn is_installed() -> bool {
    Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// One load: the cash boxes in turn, every request with an operation id and a reference of its own.
pub(crate) fn run(served: &Served, connections: u64, time: Duration, folder: &Path) -> Figures {
    let script = folder.join("load.lua");
    std::fs::write(&script, lua(served, connections)).unwrap();
    let before = process_cpu_us().0;
    let output = Command::new("wrk")
        .args(["-t1", "--latency", &format!("-c{connections}"), &format!("-d{}s", time.as_secs()), "-s"])
        .arg(&script)
        .arg(format!("http://127.0.0.1:{}/", served.port))
        .output()
        .unwrap();
    assert!(output.status.success(), "wrk: {}", String::from_utf8_lossy(&output.stderr));
    let cpu_us = process_cpu_us().0 - before;
    let text = String::from_utf8(output.stdout).unwrap();
    let requests: f64 = text
        .lines()
        .find_map(|line| line.split_once(" requests in ").map(|(count, _)| count.trim().parse().unwrap()))
        .unwrap_or(0.0);
    Figures {
        per_second: after(&text, "Requests/sec:").map_or(0.0, |rate| rate.parse().unwrap()),
        p50_ms: after(&text, "50%").map_or(0.0, milliseconds),
        p99_ms: after(&text, "99%").map_or(0.0, milliseconds),
        cpu_us: cpu_us as f64 / requests.max(1.0),
        errors: after(&text, "Non-2xx or 3xx responses:").map_or(0, |count| count.parse().unwrap())
            + u64::from(text.contains("Socket errors")),
    }
}

/// The word behind `label`.
fn after<'t>(text: &'t str, label: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.trim().strip_prefix(label)).and_then(|rest| rest.split_whitespace().next())
}

fn milliseconds(text: &str) -> f64 {
    let (number, unit) = text.split_at(text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap());
    number.parse::<f64>().unwrap()
        * if unit == "us" {
            0.001
        } else if unit == "ms" {
            1.0
        } else {
            1_000.0
        }
}

/// The requests of [`Template`], cut at the two places that change.
fn lua(served: &Served, connections: u64) -> String {
    let parts: Vec<String> = (0..connections)
        .map(|connection| {
            let template = Template::of(served, connection);
            let [head, middle, tail] = template.around_numbers();
            format!("{{[==[\n{head}]==], [==[\n{middle}]==], [==[\n{tail}]==]}}")
        })
        .collect();
    // A long bracket of Lua drops the line end right behind it and makes \n of every \r\n; these are put back.
    format!(
        "local parts = {{\n{}\n}}\nfor _, part in ipairs(parts) do\n  for at = 1, 3 do part[at] = part[at]:gsub('\\n', '\\r\\n') end\nend\n\
         local number = 0\nfunction request()\n  number = number + 1\n  local part = parts[number % #parts + 1]\n  \
         local text = string.format('%012d', number)\n  return part[1] .. text .. part[2] .. text .. part[3]\nend\n",
        parts.join(",\n")
    )
}
