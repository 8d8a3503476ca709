//! The table: every key of the configuration. A key added here is read, checked, shown and documented.

use std::collections::BTreeMap;

use super::terminals::ConfiguredTerminal;
use super::value::{Key, Kind, Value};

/// Values by key name, as merged.
pub(super) type Values = BTreeMap<&'static str, Value>;

/// A Rust type that a key is read into.
trait Setting: Sized {
    fn read(value: Option<&Value>) -> Option<Self>;
    fn value(self) -> Value;
}

macro_rules! setting {
    ($($type:ty = $variant:ident;)*) => {$(
        impl Setting for $type {
            fn read(value: Option<&Value>) -> Option<Self> {
                match value {
                    Some(Value::$variant(inner)) => Some(inner.clone()),
                    _ => None,
                }
            }
            fn value(self) -> Value {
                Value::$variant(self)
            }
        }
    )*};
}
setting! {
    u64 = Integer;
    bool = Bool;
    String = Text;
    Vec<String> = List;
}

macro_rules! kind {
    (u64 $min:literal to $max:literal) => { Kind::Integer { min: $min, max: $max } };
    (bool) => { Kind::Bool };
    (String) => { Kind::Text };
    (String $($word:literal)|+) => { Kind::Choice(&[$($word),+]) };
    (Vec<String>) => { Kind::List };
}

macro_rules! section {
    (
        $(#[doc = $section_doc:literal])+
        $section:ident {
            $(
                $(#[doc = $doc:literal])+
                $name:ident: [$($kind:tt)+] $type:ty = $default:expr, $unit:literal;
            )*
        }
    ) => {
        $(#[doc = $section_doc])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $section {
            $($(#[doc = $doc])+ pub $name: $type,)*
        }

        impl $section {
            /// The rows of the table.
            pub const KEYS: &'static [Key] = &[$(Key {
                name: stringify!($name),
                kind: kind!($($kind)+),
                default: || Setting::value(<$type>::from($default)),
                unit: $unit,
                doc: &[$($doc),+],
            },)*];

            fn read(values: &Values) -> Self {
                Self {
                    $($name: Setting::read(values.get(stringify!($name))).unwrap_or_else(|| <$type>::from($default)),)*
                }
            }
        }

        impl Default for $section {
            fn default() -> Self {
                Self::read(&Values::new())
            }
        }
    };
}

section! {
    /// The process and its listeners.
    ServerSection {
        /// Threads that answer HTTP requests; 0 for one per core.
        workers: [u64 0 to 1_024] u64 = 0_u64, "";
        /// Connections that the system may hold before they are accepted.
        backlog_connections: [u64 1 to 65_535] u64 = 1_024_u64, "connections";
        /// Whether plain HTTP may be served on an address that is not loopback. Leave it off and put a proxy that speaks TLS in
        /// front; tokens would otherwise cross the network in the open.
        insecure_public_http: [bool] bool = false, "";
        /// Addresses of proxies whose `x-forwarded-for` is believed. It is used for one thing only: whose failed credentials are
        /// counted.
        trusted_proxies: [Vec<String>] Vec<String> = Vec::new(), "";
        /// How long an orderly stop may take; what has not ended then is cut off.
        stop_deadline_ms: [u64 100 to 600_000] u64 = 5_000_u64, "ms";
    }
}

section! {
    /// Limits of requests. What is over a limit is refused at once and by name.
    LimitsSection {
        /// Names and values of all headers of a request together; more is 431.
        header_bytes_max: [u64 1_024 to 131_072] u64 = 16_384_u64, "bytes";
        /// Path and query of a request; more is 414.
        uri_bytes_max: [u64 256 to 65_536] u64 = 8_192_u64, "bytes";
        /// Body of a request; more is 413. Never above a third of what a record of the journal can hold
        /// (`journal.record_bytes_max`, `journal.segment_bytes`).
        body_bytes_max: [u64 1_024 to 67_108_864] u64 = 1_048_576_u64, "bytes";
        /// How much of a body that is too large is read and thrown away, so that the client can read the refusal.
        body_drain_bytes_max: [u64 0 to 1_073_741_824] u64 = 134_217_728_u64, "bytes";
        /// Arrays and objects inside each other; more is 400.
        json_depth_max: [u64 8 to 512] u64 = 64_u64, "levels";
        /// Items of one array; more is 400.
        array_items_max: [u64 16 to 1_000_000] u64 = 10_000_u64, "items";
        /// Characters of a text member of the contract; more is 400. Free JSON is not bound by it.
        string_chars_max: [u64 64 to 1_000_000] u64 = 1_023_u64, "characters";
        /// How long the first request of a connection may take to send its headers.
        header_deadline_ms: [u64 100 to 600_000] u64 = 5_000_u64, "ms";
        /// How long a request may take to send its body.
        body_deadline_ms: [u64 100 to 600_000] u64 = 15_000_u64, "ms";
        /// How long a repeat waits for the first call under the same operation id, when it does not say itself.
        wait_default_ms: [u64 0 to 3_600_000] u64 = 60_000_u64, "ms";
        /// Longest wait that a repeat may ask for.
        wait_max_ms: [u64 0 to 3_600_000] u64 = 300_000_u64, "ms";
        /// How long a connection may be idle between two requests.
        keep_alive_ms: [u64 100 to 3_600_000] u64 = 60_000_u64, "ms";
        /// Connections at the same time, over all addresses.
        connections_max: [u64 16 to 1_000_000] u64 = 20_000_u64, "connections";
        /// Connections of one address at the same time, on a listener that is not loopback; on loopback there is no such limit.
        connections_per_address_max: [u64 1 to 1_000_000] u64 = 256_u64, "connections";
        /// Failed credentials of one address (of one /64 for IPv6) that are answered with 401 before 429 takes over. A right
        /// token is never refused because of it.
        failed_credentials_burst: [u64 1 to 1_000_000] u64 = 30_u64, "attempts";
        /// Failed credentials of one address that are forgiven again.
        failed_credentials_per_minute: [u64 1 to 1_000_000] u64 = 60_u64, "attempts per minute";
        /// Exports at the same time; more are 429 with `Retry-After`.
        exports_max: [u64 1 to 10_000] u64 = 16_u64, "exports";
        /// Size of the pieces in which an export is sent.
        export_chunk_bytes: [u64 1_024 to 16_777_216] u64 = 65_536_u64, "bytes";
        /// Pieces of an export that may wait for a slow client.
        export_chunks_max: [u64 1 to 1_024] u64 = 4_u64, "pieces";
        /// How long an export waits for a client that does not read, before it is given up.
        export_stall_ms: [u64 100 to 3_600_000] u64 = 60_000_u64, "ms";
    }
}

section! {
    /// The cash boxes in memory.
    NodeSection {
        /// Parts that the cash boxes are spread over, each on its own thread; 0 for one per core.
        shards: [u64 0 to 1_024] u64 = 0_u64, "";
        /// Operations that may wait for one cash box; more are 503 with `Retry-After`.
        mailbox_messages_max: [u64 1 to 65_536] u64 = 256_u64, "operations";
        /// Calls that may wait for one part; more are 503 with `Retry-After`.
        shard_messages_max: [u64 16 to 1_000_000] u64 = 16_384_u64, "calls";
        /// A cash box that had nothing to do for so long leaves the memory.
        passivate_after_ms: [u64 100 to 86_400_000] u64 = 600_000_u64, "ms";
        /// How long an operation may wait for its start when it has no `x-operation-lifetime`; then it fails with 408.
        lifetime_default_ms: [u64 1 to 86_400_000] u64 = 15_000_u64, "ms";
        /// Longest such wait that an operation may ask for.
        lifetime_max_ms: [u64 1 to 86_400_000] u64 = 86_400_000_u64, "ms";
        /// Operations of one cash box that were accepted with 202 and have not ended; more are 503 with `Retry-After`.
        open_operations_max: [u64 1 to 10_000] u64 = 64_u64, "operations";
        /// How often cash boxes that have nothing to do are looked for.
        passivate_every_ms: [u64 10 to 3_600_000] u64 = 10_000_u64, "ms";
        /// Restarts of one cash box within the window, before it is quarantined.
        restarts_max: [u64 0 to 1_000] u64 = 3_u64, "restarts";
        /// The window in which restarts are counted.
        restart_window_ms: [u64 100 to 3_600_000] u64 = 10_000_u64, "ms";
        /// Cash boxes whose credentials are kept in memory.
        profile_cache_max: [u64 16 to 10_000_000] u64 = 65_536_u64, "cash boxes";
    }
}

section! {
    /// The journal on disk, each environment its own.
    JournalSection {
        /// Size of a segment file, preallocated.
        segment_bytes: [u64 16_384 to 1_073_741_824] u64 = 67_108_864_u64, "bytes";
        /// Size of the first segment of a new folder; at most `segment_bytes`.
        first_segment_bytes: [u64 16_384 to 1_073_741_824] u64 = 4_194_304_u64, "bytes";
        /// Records that may wait for the writer; more are refused with 503.
        queue_records_max: [u64 1 to 1_000_000] u64 = 4_096_u64, "records";
        /// Bytes of records that may wait for the writer; more are refused with 503.
        queue_bytes_max: [u64 65_536 to 4_294_967_295] u64 = 67_108_864_u64, "bytes";
        /// Records under one sync.
        batch_records_max: [u64 1 to 65_536] u64 = 512_u64, "records";
        /// Bytes under one sync.
        batch_bytes_max: [u64 4_096 to 1_073_741_824] u64 = 2_097_152_u64, "bytes";
        /// One record, whole.
        record_bytes_max: [u64 4_096 to 1_073_741_824] u64 = 33_554_432_u64, "bytes";
        /// Records that may wait for the index before the writer waits for it.
        index_lag_records_max: [u64 1 to 100_000_000] u64 = 65_536_u64, "records";
        /// A log up to this size is read whole when it is opened; a larger one is checked behind.
        open_scan_bytes_max: [u64 0 to 1_099_511_627_776] u64 = 268_435_456_u64, "bytes";
        /// Segment files held open for reading.
        open_segments_max: [u64 2 to 65_536] u64 = 64_u64, "files";
        /// Bytes that the check behind reads between two pauses.
        scrub_chunk_bytes: [u64 4_096 to 67_108_864] u64 = 262_144_u64, "bytes";
        /// A pause of the check behind.
        scrub_pause_ms: [u64 0 to 60_000] u64 = 20_u64, "ms";
        /// How long the preallocating thread waits after a failure.
        preallocate_retry_ms: [u64 10 to 600_000] u64 = 1_000_u64, "ms";
        /// The index: `sled` in the folder, or `memory`, built anew at each start.
        index: [String "sled" | "memory"] String = "sled", "";
        /// Cache of pages of the sled index; sled takes about three times as much.
        index_cache_bytes: [u64 1_048_576 to 1_099_511_627_776] u64 = 67_108_864_u64, "bytes";
        /// Memory for the filters that tell a fresh operation, about 2.5 bytes for each record; beyond it sled is asked.
        index_filter_bytes_max: [u64 0 to 1_099_511_627_776] u64 = 268_435_456_u64, "bytes";
        /// Records that gather in memory before the sled index writes them, about 150 bytes each.
        index_gathered_records_max: [u64 1 to 10_000_000] u64 = 16_384_u64, "records";
        /// How long they gather at most.
        index_flush_ms: [u64 10 to 3_600_000] u64 = 5_000_u64, "ms";
        /// Records before the last written one that the sled index is given again after an unclean stop.
        index_replay_margin_records: [u64 8_192 to 100_000_000] u64 = 16_384_u64, "records";
        /// How often a fresh sled index is tried after one failed.
        index_reopen_ms: [u64 100 to 3_600_000] u64 = 30_000_u64, "ms";
        /// Records up to which an index in memory takes the place of a sled index that failed.
        index_memory_records_max: [u64 0 to 1_000_000_000] u64 = 20_000_000_u64, "records";
    }
}

section! {
    /// Devices at a line, such as payment terminals: how many, and how long they may take.
    DevicesSection {
        /// Terminals at a line that are served, each with threads of its own; one more is not, and the log says so.
        terminals_max: [u64 1 to 10_000] u64 = 512_u64, "terminals";
        /// How often an idle terminal is asked whether it is there.
        poll_every_ms: [u64 100 to 3_600_000] u64 = 60_000_u64, "ms";
        /// How long a terminal has for its answer to a command; at most `completion_timeout_ms`.
        answer_timeout_ms: [u64 100 to 60_000] u64 = 5_000_u64, "ms";
        /// How long a terminal has to end a payment, and again after each message of it. A payment in doubt of which the terminal
        /// knows nothing counts as not charged after as long, so it must be longer than any customer takes.
        completion_timeout_ms: [u64 500 to 3_600_000] u64 = 180_000_u64, "ms";
        /// Pause between two questions about a payment in doubt; what the terminal says must be the same twice. At most
        /// `completion_timeout_ms`.
        probe_confirm_ms: [u64 10 to 60_000] u64 = 5_000_u64, "ms";
    }
}

section! {
    /// Messages to the URL of `x-operation-callback-state`.
    CallbacksSection {
        /// Networks that may be called although they are private or reserved, such as the shop's own: `192.168.1.0/24`, `fd00::5`.
        /// Without them no private, loopback, link-local or reserved address is called; a sandbox that listens only on loopback
        /// may call loopback.
        allowed_networks: [Vec<String>] Vec<String> = Vec::new(), "";
        /// PEM files with certificates of authorities of your own, which are trusted besides Mozilla's list.
        extra_root_certificates: [Vec<String>] Vec<String> = Vec::new(), "";
        /// How long the look-up of a name and the connection may take together; at most `call_timeout_ms`.
        connect_timeout_ms: [u64 10 to 60_000] u64 = 2_000_u64, "ms";
        /// How long a call may take from the look-up to the end of the answer.
        call_timeout_ms: [u64 10 to 600_000] u64 = 5_000_u64, "ms";
        /// How much of the body of an answer is read; nothing of it is kept.
        answer_body_bytes_max: [u64 0 to 16_777_216] u64 = 65_536_u64, "bytes";
        /// Calls at the same time, over all receivers of an environment.
        calls_max: [u64 1 to 65_536] u64 = 256_u64, "calls";
        /// Calls at the same time to one receiver; at most `calls_max`.
        calls_per_target_max: [u64 1 to 65_536] u64 = 8_u64, "calls";
        /// Messages of one receiver that are kept in memory; the others wait in the store. At most `window_messages_max`.
        target_window_messages_max: [u64 1 to 1_000_000] u64 = 4_096_u64, "messages";
        /// Messages of all receivers together that are kept in memory.
        window_messages_max: [u64 1 to 10_000_000] u64 = 65_536_u64, "messages";
        /// New messages that may wait to be taken in; what is beyond is found in the journal afterwards.
        intake_messages_max: [u64 1 to 10_000_000] u64 = 65_536_u64, "messages";
        /// How long a message is tried again before it is given up.
        give_up_after_ms: [u64 1_000 to 2_592_000_000] u64 = 259_200_000_u64, "ms";
        /// Longest wait that a receiver can ask for with `Retry-After`; at most `give_up_after_ms`.
        retry_after_max_ms: [u64 0 to 2_592_000_000] u64 = 86_400_000_u64, "ms";
        /// How long the attempts of a message that has ended can be looked at.
        history_keep_ms: [u64 0 to 31_536_000_000] u64 = 604_800_000_u64, "ms";
        /// Cache of pages of the store of messages; the store takes about three times as much.
        store_cache_bytes: [u64 1_048_576 to 1_099_511_627_776] u64 = 16_777_216_u64, "bytes";
        /// How often a store that failed is tried again.
        reopen_ms: [u64 100 to 3_600_000] u64 = 30_000_u64, "ms";
    }
}

section! {
    /// The stream of changes of state, `GET /events`.
    EventsSection {
        /// How often a line is sent to a subscriber for whom there is nothing new, so that the connection is not taken for dead.
        heartbeat_ms: [u64 100 to 600_000] u64 = 15_000_u64, "ms";
        /// Subscribers at the same time; more are 429 with `Retry-After`.
        subscribers_max: [u64 1 to 1_000_000] u64 = 10_000_u64, "subscribers";
        /// Subscribers of one cash box at the same time; at most `subscribers_max`.
        subscribers_per_cash_box_max: [u64 1 to 1_000_000] u64 = 16_u64, "subscribers";
        /// Rows of the journal that are read at a time for one subscriber.
        batch_rows_max: [u64 1 to 65_536] u64 = 256_u64, "rows";
    }
}

section! {
    /// Payments at terminals and apps.
    PaymentsSection {
        /// How long a payment may wait until an app of its terminal accepts it; then it ends with 502.
        app_accept_ms: [u64 100 to 600_000] u64 = 10_000_u64, "ms";
        /// How long an app that accepted a payment may say nothing until the payment is in doubt.
        app_result_ms: [u64 1_000 to 3_600_000] u64 = 180_000_u64, "ms";
        /// Pause before an app that does not know what became of a payment is asked again.
        app_ask_every_ms: [u64 100 to 600_000] u64 = 10_000_u64, "ms";
        /// Calls that may wait for the payments of one terminal; more are 429 with `Retry-After`.
        app_waits_per_terminal_max: [u64 1 to 1_000] u64 = 4_u64, "calls";
    }
}

section! {
    /// The log of the process. Tokens never stand in it.
    LogSection {
        /// What is logged, as `level` or `target=level` separated by commas.
        filter: [String] String = "info", "";
        /// One JSON object a line, or text for people.
        format: [String "text" | "json"] String = "text", "";
    }
}

section! {
    /// One environment. It is served when it has a data folder.
    EnvironmentSection {
        /// Folder with journal, index and keys; empty when the environment is not served.
        data_dir: [String] String = "", "";
        /// Address and port; port 0 picks one. Two environments may share it when their base paths differ.
        listen: [String] String = "127.0.0.1:1200", "";
        /// What stands before `/v2` in every path, for example `/sandbox`; empty for nothing.
        base_path: [String] String = "", "";
        /// Whether `x-possystem-id` must be sent and be a GUID other than the nil GUID; otherwise 400.
        possystem_id_required: [bool] bool = false, "";
    }
}

/// A section of the file.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Its name, in brackets in the file.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its rows.
    pub keys: &'static [Key],
    /// Defaults that differ from the row's own, by key name.
    pub defaults: &'static [(&'static str, &'static str)],
}

/// Every section, in the order of the file.
pub const SECTIONS: &[Section] = &[
    Section { name: "server", doc: "The process and its listeners.", keys: ServerSection::KEYS, defaults: &[] },
    Section {
        name: "limits",
        doc: "Limits of requests. What is over a limit is refused at once and by name.",
        keys: LimitsSection::KEYS,
        defaults: &[],
    },
    Section { name: "node", doc: "The cash boxes in memory.", keys: NodeSection::KEYS, defaults: &[] },
    Section {
        name: "journal",
        doc: "The journal on disk, each environment its own.",
        keys: JournalSection::KEYS,
        defaults: &[],
    },
    Section {
        name: "devices",
        doc: "Devices at a line, such as payment terminals: how many, and how long they may take.",
        keys: DevicesSection::KEYS,
        defaults: &[],
    },
    Section {
        name: "callbacks",
        doc: "Messages to the URL of `x-operation-callback-state`.",
        keys: CallbacksSection::KEYS,
        defaults: &[],
    },
    Section {
        name: "events",
        doc: "The stream of changes of state, `GET /events`.",
        keys: EventsSection::KEYS,
        defaults: &[],
    },
    Section { name: "payments", doc: "Payments at terminals and apps.", keys: PaymentsSection::KEYS, defaults: &[] },
    Section {
        name: "log",
        doc: "The log of the process. Tokens never stand in it.",
        keys: LogSection::KEYS,
        defaults: &[],
    },
    Section {
        name: "sandbox",
        doc: "For trying out. Served when it has a data folder; receipts carry a marker.",
        keys: EnvironmentSection::KEYS,
        defaults: &[],
    },
    Section {
        name: "production",
        doc: "For real receipts. Served when it has a data folder; refuses simulated signing units.",
        keys: EnvironmentSection::KEYS,
        defaults: &[("listen", "127.0.0.1:1201")],
    },
];

impl Section {
    /// The value of a key when nothing sets it.
    #[must_use]
    pub fn default_of(&self, key: &Key) -> Value {
        self.defaults
            .iter()
            .find(|(name, _)| *name == key.name)
            .map_or_else(key.default, |(_, text)| Value::Text((*text).to_owned()))
    }
}

/// The whole configuration, typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `[server]`.
    pub server: ServerSection,
    /// `[limits]`.
    pub limits: LimitsSection,
    /// `[node]`.
    pub node: NodeSection,
    /// `[journal]`.
    pub journal: JournalSection,
    /// `[devices]`.
    pub devices: DevicesSection,
    /// `[callbacks]`.
    pub callbacks: CallbacksSection,
    /// `[events]`.
    pub events: EventsSection,
    /// `[payments]`.
    pub payments: PaymentsSection,
    /// `[log]`.
    pub log: LogSection,
    /// `[sandbox]`.
    pub sandbox: EnvironmentSection,
    /// `[production]`.
    pub production: EnvironmentSection,
    /// `[[terminal]]`, in the order of the file.
    pub terminals: Vec<ConfiguredTerminal>,
}

impl Settings {
    /// Reads the sections from merged values. What is missing takes its default.
    pub(super) fn read(sections: &BTreeMap<&'static str, Values>) -> Self {
        let none = Values::new();
        let of = |name: &str| sections.get(name).unwrap_or(&none);
        Self {
            server: ServerSection::read(of("server")),
            limits: LimitsSection::read(of("limits")),
            node: NodeSection::read(of("node")),
            journal: JournalSection::read(of("journal")),
            devices: DevicesSection::read(of("devices")),
            callbacks: CallbacksSection::read(of("callbacks")),
            events: EventsSection::read(of("events")),
            payments: PaymentsSection::read(of("payments")),
            log: LogSection::read(of("log")),
            sandbox: EnvironmentSection::read(of("sandbox")),
            production: EnvironmentSection::read(of("production")),
            terminals: Vec::new(),
        }
    }
}

impl Default for Settings {
    /// The defaults of the table.
    fn default() -> Self {
        let sections = SECTIONS
            .iter()
            .map(|section| (section.name, section.keys.iter().map(|key| (key.name, section.default_of(key))).collect()))
            .collect();
        Self::read(&sections)
    }
}
