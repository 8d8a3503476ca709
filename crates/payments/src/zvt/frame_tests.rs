//! Tests of serial frames.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;

fn events(bytes: &[u8]) -> Vec<FrameEvent> {
    let mut decoder = FrameDecoder::new();
    bytes.iter().filter_map(|byte| decoder.push(*byte)).collect()
}

fn apdu(class: u8, instruction: u8, data: &[u8]) -> Apdu {
    Apdu::new(class, instruction, data.to_vec()).unwrap()
}

/// Frames that open implementations quote: an acknowledgement and a diagnosis.
#[test]
fn known_frames() {
    let acknowledgement = [0x10, 0x02, 0x80, 0x00, 0x00, 0x10, 0x03, 0xF5, 0x1F];
    let diagnosis = [0x10, 0x02, 0x06, 0x70, 0x00, 0x10, 0x03, 0xD9, 0xF9];
    for (frame, expected) in [(acknowledgement, apdu(0x80, 0, &[])), (diagnosis, apdu(6, 0x70, &[]))] {
        assert_eq!(encode_frame(&expected), frame);
        assert_eq!(events(&frame), [FrameEvent::Apdu(expected)]);
    }
}

#[test]
fn a_doubled_byte_counts_neither_in_the_length_nor_in_the_check_sum() {
    let told = apdu(6, 1, &[4, 0, 0, 0, 0, 0x10, 0x10]);
    let frame = encode_frame(&told);
    assert_eq!(frame.get(..14).unwrap(), [0x10, 2, 6, 1, 7, 4, 0, 0, 0, 0, 0x10, 0x10, 0x10, 0x10]);
    assert_eq!(events(&frame), [FrameEvent::Apdu(told)]);
}

/// Data that look like the end of a frame, and every CRC: some hold `10`, some `10 03`.
#[test]
fn neither_data_nor_check_sum_end_a_frame() {
    for number in 0..=u16::MAX {
        let [high, low] = number.to_be_bytes();
        let told = apdu(0x80, 0, &[0x10, 0x03, high, low]);
        assert_eq!(events(&encode_frame(&told)), [FrameEvent::Apdu(told)]);
    }
}

#[test]
fn each_damage_has_its_name() {
    let good = encode_frame(&apdu(6, 0x70, &[]));
    let mut crc = good.clone();
    *crc.last_mut().unwrap() ^= 1;
    let stuffing = [0x10, 0x02, 0x06, 0x10, 0x06, 0x10, 0x03, 0x15, 0x06];
    let long = [&[0x10, 0x02][..], &vec![0x15; APDU_BYTES_MAX + 1], &[0x10, 0x03, 0, 0]].concat();
    let mut length = vec![0x10, 0x02, 0x06, 0x70, 0x01, 0x10, 0x03];
    length.extend(crc_16_kermit(&[0x06, 0x70, 0x01, 0x03]).to_le_bytes());
    for (bytes, fault) in [
        (crc, FrameFault::Crc),
        (stuffing.to_vec(), FrameFault::Stuffing),
        (long, FrameFault::TooLong),
        (length, FrameFault::Length),
    ] {
        let again = [bytes, good.clone()].concat();
        assert_eq!(events(&again), [FrameEvent::Refused(fault), FrameEvent::Apdu(apdu(6, 0x70, &[]))]);
    }
}

#[test]
fn a_frame_that_begins_again_is_read_from_there() {
    let good = encode_frame(&apdu(0x80, 0, &[]));
    let cut = good.get(..4).unwrap();
    assert_eq!(events(&[cut, &good].concat()), [FrameEvent::Apdu(apdu(0x80, 0, &[]))]);
}

proptest! {
    #[test]
    fn noise_between_frames_is_skipped(
        parts in prop::collection::vec(
            (prop::collection::vec(any::<u8>().prop_filter("an answer", |byte| *byte != ACK && *byte != NAK), 0..20),
             any::<[u8; 2]>(), prop::collection::vec(any::<u8>(), 0..400)), 0..6)
    ) {
        let mut stream = vec![];
        let mut expected = vec![];
        for (noise, [class, instruction], data) in parts {
            // DLE STX in the noise would open a frame: that is no noise.
            stream.extend(noise.into_iter().map(|byte| if byte == STX { 0 } else { byte }));
            let told = apdu(class, instruction, &data);
            stream.extend(encode_frame(&told));
            expected.push(FrameEvent::Apdu(told));
        }
        prop_assert_eq!(events(&stream), expected);
    }

    #[test]
    fn no_bytes_make_it_panic_or_grow(bytes in prop::collection::vec(prop_oneof![Just(DLE), Just(STX), Just(ETX), any::<u8>()], 0..3000)) {
        let mut decoder = FrameDecoder::new();
        for byte in bytes {
            decoder.push(byte);
            prop_assert!(decoder.body.len() <= APDU_BYTES_MAX);
        }
    }
}
