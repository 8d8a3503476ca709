//! Settings as the crates below take them.

use kassette_actors::DeviceOptions;
use kassette_actors::callbacks::CallbackLimits;
use kassette_journal::{IndexKind, JournalOptions};
use kassette_webhooks::RetryOptions;
use kassette_wire::Limits;

use super::sections::{CallbacksSection, DevicesSection, JournalSection, LimitsSection, Settings};

/// The table keeps every size below what fits, so saturation never shows.
fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

impl Settings {
    /// Largest request body that is taken: `limits.body_bytes_max`, and never so much that the record with request and answer
    /// (an echo gives back what it got) could outgrow what the journal can hold.
    #[must_use]
    pub fn body_bytes_max(&self) -> u64 {
        let record = self.journal.record_bytes_max.min(self.journal.segment_bytes);
        self.limits.body_bytes_max.min(record / 3)
    }
}

impl LimitsSection {
    /// Limits of a JSON body.
    #[must_use]
    pub fn json(&self) -> Limits {
        Limits {
            depth_max: size(self.json_depth_max),
            array_items_max: size(self.array_items_max),
            string_chars_max: size(self.string_chars_max),
        }
    }
}

impl CallbacksSection {
    /// Limits of the dispatcher.
    #[must_use]
    pub fn limits(&self) -> CallbackLimits {
        CallbackLimits {
            retry: RetryOptions {
                retry_after_max_ms: self.retry_after_max_ms,
                give_up_after_ms: self.give_up_after_ms,
                ..RetryOptions::default()
            },
            calls_max: size(self.calls_max),
            calls_per_target_max: size(self.calls_per_target_max),
            target_window_messages_max: size(self.target_window_messages_max),
            window_messages_max: size(self.window_messages_max),
            intake_messages_max: size(self.intake_messages_max),
            history_keep_ms: self.history_keep_ms,
            reopen_ms: self.reopen_ms,
        }
    }
}

impl DevicesSection {
    /// Limits of the actors of devices.
    #[must_use]
    pub fn options(&self) -> DeviceOptions {
        DeviceOptions {
            terminals_max: size(self.terminals_max),
            poll_every_ms: self.poll_every_ms,
            answer_timeout_ms: self.answer_timeout_ms,
            completion_timeout_ms: self.completion_timeout_ms,
            probe_confirm_ms: self.probe_confirm_ms,
        }
    }
}

impl JournalSection {
    /// Options of the embedded journal.
    #[must_use]
    pub fn options(&self) -> JournalOptions {
        JournalOptions {
            segment_bytes: u32::try_from(self.segment_bytes).unwrap_or(u32::MAX),
            first_segment_bytes: u32::try_from(self.first_segment_bytes).unwrap_or(u32::MAX),
            queue_records_max: size(self.queue_records_max),
            queue_bytes_max: size(self.queue_bytes_max),
            batch_records_max: size(self.batch_records_max),
            batch_bytes_max: size(self.batch_bytes_max),
            record_bytes_max: size(self.record_bytes_max),
            index_lag_records_max: size(self.index_lag_records_max),
            open_scan_bytes_max: self.open_scan_bytes_max,
            open_segments_max: size(self.open_segments_max),
            scrub_chunk_bytes: size(self.scrub_chunk_bytes),
            scrub_pause_ms: self.scrub_pause_ms,
            preallocate_retry_ms: self.preallocate_retry_ms,
            index: if self.index == "memory" { IndexKind::Memory } else { IndexKind::Sled },
            index_cache_bytes: self.index_cache_bytes,
            index_filter_bytes_max: self.index_filter_bytes_max,
            index_gathered_records_max: self.index_gathered_records_max,
            index_flush_ms: self.index_flush_ms,
            index_replay_margin_records: self.index_replay_margin_records,
            index_reopen_ms: self.index_reopen_ms,
            index_memory_records_max: self.index_memory_records_max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_crates_below() {
        let settings = Settings::default();
        assert_eq!(settings.limits.json(), Limits::default());
        assert_eq!(settings.callbacks.limits(), CallbackLimits::default());
        assert_eq!(settings.devices.options(), DeviceOptions::default());
        assert_eq!(format!("{:?}", settings.journal.options()), format!("{:?}", JournalOptions::default()));
    }

    #[test]
    fn a_body_always_fits_into_a_record() {
        let mut settings = Settings::default();
        assert_eq!(settings.body_bytes_max(), 1_048_576);
        settings.journal.segment_bytes = 1_048_576;
        assert_eq!(settings.body_bytes_max(), 349_525);
    }
}
