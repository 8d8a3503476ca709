//! Tests of the serial link: the times and numbers of PA00P016, chapter 2.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn link() -> SerialLink {
    SerialLink::new(SerialTiming::default())
}

fn apdu(class: u8, instruction: u8, data: &[u8]) -> Apdu {
    Apdu::new(class, instruction, data.to_vec()).unwrap()
}

fn pay() -> Apdu {
    apdu(6, 1, &[4, 0, 0, 0, 0, 0x10, 0])
}

#[test]
fn a_frame_is_delivered_by_its_ack() {
    let mut link = link();
    link.send(&pay(), at(0)).unwrap();
    assert_eq!(link.take_output(), encode_frame(&pay()));
    assert_eq!(link.take_output(), []);
    assert_eq!(link.next_deadline(), Some(at(5_000)));
    assert_eq!(link.receive(&[ACK], at(10)), [LinkEvent::Delivered]);
    assert_eq!(link.next_deadline(), None);
    assert_eq!(link.receive(&[ACK, NAK], at(20)), []);
    assert_eq!(link.take_output(), []);
}

#[test]
fn without_an_ack_three_sendings_are_all() {
    let mut link = link();
    link.send(&pay(), at(0)).unwrap();
    link.send(&pay(), at(0)).unwrap();
    assert_eq!(link.take_output(), encode_frame(&pay()));
    assert_eq!(link.tick(at(4_999)), []);
    for ms in [5_000, 10_000] {
        assert_eq!(link.tick(at(ms)), []);
        assert_eq!(link.take_output(), encode_frame(&pay()));
    }
    assert_eq!(link.tick(at(15_000)), [LinkEvent::Failed(LinkFault::NotAcknowledged)]);
    assert_eq!((link.take_output(), link.next_deadline()), (vec![], None));
}

#[test]
fn a_nak_repeats_at_once_and_counts() {
    let mut link = link();
    link.send(&pay(), at(0)).unwrap();
    assert_eq!(link.receive(&[NAK], at(10)), []);
    assert_eq!(link.next_deadline(), Some(at(5_010)));
    assert_eq!(link.receive(&[NAK], at(20)), []);
    assert_eq!(link.take_output(), encode_frame(&pay()).repeat(3));
    assert_eq!(link.receive(&[NAK], at(30)), [LinkEvent::Failed(LinkFault::NotAcknowledged)]);
}

#[test]
fn the_next_apdu_waits_for_the_ack_of_the_one_before() {
    let mut link = link();
    let abort = apdu(6, 0xB0, &[]);
    link.send(&pay(), at(0)).unwrap();
    link.send(&abort, at(1)).unwrap();
    assert_eq!(link.take_output(), encode_frame(&pay()));
    assert_eq!(link.receive(&[ACK], at(2)), [LinkEvent::Delivered]);
    assert_eq!(link.take_output(), encode_frame(&abort));
    for _ in 0..WAITING_MAX {
        link.send(&abort, at(3)).unwrap();
    }
    assert_eq!(link.send(&abort, at(3)), Err(LinkError::Full));
}

#[test]
fn a_lost_ack_brings_the_same_apdu_twice() {
    let result = apdu(4, 0x0F, &[0x27, 0]);
    let (mut terminal, mut register) = (link(), link());
    terminal.send(&result, at(0)).unwrap();
    assert_eq!(register.receive(&terminal.take_output(), at(1)), [LinkEvent::Received(result.clone())]);
    assert_eq!(register.take_output(), [ACK]);
    // The ACK does not arrive.
    assert_eq!(terminal.tick(at(5_000)), []);
    assert_eq!(register.receive(&terminal.take_output(), at(5_001)), [LinkEvent::Received(result)]);
    assert_eq!(terminal.receive(&register.take_output(), at(5_002)), [LinkEvent::Delivered]);
}

#[test]
fn an_answer_proves_that_the_command_arrived() {
    let accepted = apdu(0x80, 0, &[]);
    let mut link = link();
    link.send(&pay(), at(0)).unwrap();
    let events = link.receive(&encode_frame(&accepted), at(10));
    assert_eq!(events, [LinkEvent::Delivered, LinkEvent::Received(accepted.clone())]);
    assert_eq!(link.next_deadline(), None);
    // A message that is no answer proves nothing, and to an answer there is no answer.
    link.send(&accepted, at(20)).unwrap();
    for told in [apdu(4, 0xFF, &[0x0A]), accepted] {
        assert_eq!(link.receive(&encode_frame(&told), at(30)), [LinkEvent::Received(told)]);
    }
    assert_eq!(link.next_deadline(), Some(at(5_020)));
}

#[test]
fn a_frame_that_breaks_off_is_refused_after_t1() {
    let mut link = link();
    let frame = encode_frame(&pay());
    assert_eq!(link.receive(frame.get(..5).unwrap(), at(1_000)), []);
    assert_eq!(link.next_deadline(), Some(at(1_200)));
    assert_eq!(link.tick(at(1_199)), []);
    assert_eq!(link.tick(at(1_200)), [LinkEvent::Refused(FrameFault::Silence)]);
    assert_eq!(link.take_output(), [NAK]);
    assert_eq!(link.receive(&frame, at(1_300)), [LinkEvent::Received(pay())]);
    assert_eq!(link.take_output(), [ACK]);
}

#[test]
fn a_damaged_frame_is_refused_at_once() {
    let mut link = link();
    let mut frame = encode_frame(&pay());
    *frame.last_mut().unwrap() ^= 0x40;
    assert_eq!(link.receive(&frame, at(0)), [LinkEvent::Refused(FrameFault::Crc)]);
    assert_eq!(link.take_output(), [NAK]);
}

/// Lets one side send three APDUs over a line that loses or damages whole transmissions, as told.
fn play(told: &[Apdu], fates: &[u8]) -> (Vec<LinkEvent>, Vec<Apdu>) {
    let (mut sender, mut receiver) = (link(), link());
    let mut fates = fates.iter().copied().chain(std::iter::repeat(0));
    let mut carry = |mut bytes: Vec<u8>| {
        match fates.next() {
            Some(1) => bytes.clear(),
            // A bit of the check sum, or of the ACK, which is noise then.
            Some(2) => bytes.iter_mut().last().into_iter().for_each(|byte| *byte ^= 0x40),
            _ => {}
        }
        bytes
    };
    told.iter().for_each(|apdu| sender.send(apdu, at(0)).unwrap());
    let mut seen = vec![];
    let mut received = vec![];
    for step in 0..20 {
        let now = at(step * 5_000);
        seen.extend(sender.tick(now));
        loop {
            let forth = sender.take_output();
            if forth.is_empty() {
                break;
            }
            let events = receiver.receive(&carry(forth), now);
            received.extend(events.into_iter().filter_map(|event| match event {
                LinkEvent::Received(apdu) => Some(apdu),
                _ => None,
            }));
            seen.extend(sender.receive(&carry(receiver.take_output()), now));
        }
    }
    (seen, received)
}

proptest! {
    #[test]
    fn a_stream_may_be_cut_anywhere(
        told in prop::collection::vec((any::<[u8; 2]>(), prop::collection::vec(any::<u8>(), 0..300)), 1..6),
        noise in prop::collection::vec(0x20_u8..0x7F, 0..10),
        cuts in prop::collection::vec(1_usize..40, 1..20)
    ) {
        let told: Vec<_> = told.iter().map(|([class, instruction], data)| apdu(*class, *instruction, data)).collect();
        let mut stream = vec![];
        for one in &told {
            stream.extend(&noise);
            stream.extend(encode_frame(one));
        }
        let mut link = link();
        let mut events = vec![];
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            events.extend(link.receive(now, at(0)));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(link.take_output(), vec![ACK; told.len()]);
        prop_assert_eq!(events, told.into_iter().map(LinkEvent::Received).collect::<Vec<_>>());
    }

    #[test]
    fn what_counts_as_delivered_has_arrived(fates in prop::collection::vec(0_u8..3, 0..20)) {
        let told = [pay(), apdu(6, 0xB0, &[]), apdu(5, 1, &[])];
        let (seen, mut received) = play(&told, &fates);
        let delivered = seen.iter().filter(|event| **event == LinkEvent::Delivered).count();
        let failed = seen.iter().filter(|event| matches!(event, LinkEvent::Failed(_))).count();
        // Each is delivered, or one was sent three times and then all were dropped.
        prop_assert!((delivered, failed) == (3, 0) || (delivered < 3 && failed == 1), "{:?}", seen);
        // In order, each at least once, some again; the one that failed may have arrived all the same.
        received.dedup();
        prop_assert!(told.starts_with(&received) && received.len() >= delivered, "{:?}", received);
    }
}
