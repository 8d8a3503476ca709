//! Tests of the register's commands.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use proptest::prelude::*;

use super::super::fields_for_tests::fields;
use super::*;

fn check(command: &Command, bytes: &[u8]) {
    let apdu = command.to_apdu().unwrap();
    assert_eq!(apdu.encode(), bytes);
    assert_eq!(Command::decode(&apdu), *command);
}

fn password() -> Password {
    Password::new(123_456).unwrap()
}

/// Retyped from captures where one exists (`06 50`, `06 01` of 10.00), and from the tables of PA00P015, chapter 2.
#[test]
fn known_commands() {
    check(&Command::EndOfDay { password: password(), fields: Fields::new() }, &[0x06, 0x50, 0x03, 0x12, 0x34, 0x56]);
    check(
        &Command::Authorisation { fields: Fields::new().with_amount_cents(1_000).unwrap() },
        &[0x06, 0x01, 0x07, 0x04, 0, 0, 0, 0, 0x10, 0x00],
    );
    check(
        &Command::authorisation(1_234, 978).unwrap(),
        &[0x06, 0x01, 0x0A, 0x04, 0, 0, 0, 0, 0x12, 0x34, 0x49, 0x09, 0x78],
    );
    check(&Command::LogOff, &[0x06, 0x02, 0x00]);
    check(&Command::last_result(password()).unwrap(), &[0x06, 0x20, 0x05, 0x12, 0x34, 0x56, 0x03, 0x03]);
    check(
        &Command::reversal(password(), 231, 1_840, 978).unwrap(),
        &[0x06, 0x30, 0x10, 0x12, 0x34, 0x56, 0x87, 0x02, 0x31, 0x04, 0, 0, 0, 0, 0x18, 0x40, 0x49, 0x09, 0x78],
    );
    check(
        &Command::refund(password(), 250, 978).unwrap(),
        &[0x06, 0x31, 0x0D, 0x12, 0x34, 0x56, 0x04, 0, 0, 0, 0, 0x02, 0x50, 0x49, 0x09, 0x78],
    );
    check(&Command::Diagnosis { fields: Fields::new() }, &[0x06, 0x70, 0x00]);
    check(&Command::Abort { fields: Fields::new() }, &[0x06, 0xB0, 0x00]);
    check(&Command::StatusEnquiry { password: None, fields: Fields::new() }, &[0x05, 0x01, 0x00]);
    check(
        &Command::StatusEnquiry { password: Some(password()), fields: Fields::new() },
        &[0x05, 0x01, 0x03, 0x12, 0x34, 0x56],
    );
    check(&Command::Answer(Answer::refused(Answer::NOT_YET)), &[0x84, 0x9C, 0x00]);
    check(&Command::Answer(Answer::refused(Answer::GOODS_FAILED)), &[0x84, 0x66, 0x00]);
    check(&Command::Answer(Answer::accepted()), &[0x80, 0x00, 0x00]);
}

#[test]
fn a_registration_takes_blocks() {
    check(
        &Command::registration(password(), Config::ALL).unwrap(),
        &[0x06, 0x00, 0x0E, 0x12, 0x34, 0x56, 0xBE, 0x09, 0x78, 0x06, 0x06, 0x26, 0x04, 0x0A, 0x02, 0x06, 0xD3],
    );
    let bare = Command::Registration { password: password(), config: Config(0), currency: None, fields: Fields::new() };
    check(&bare, &[0x06, 0x00, 0x04, 0x12, 0x34, 0x56, 0x00]);
}

#[test]
fn all_is_the_sum_of_its_parts() {
    let parts = [
        Config::PRINTS_PAYMENTS,
        Config::PRINTS_ADMINISTRATION,
        Config::INTERMEDIATE_STATUS,
        Config::NO_PAYMENT_AT_TERMINAL,
        Config::NO_ADMINISTRATION_AT_TERMINAL,
        Config::RECEIPTS_AS_TEXT,
    ];
    assert_eq!(parts.into_iter().fold(Config(0), BitOr::bitor), Config::ALL);
    assert!(Config::ALL.contains(Config::RECEIPTS_AS_TEXT) && !Config(2).contains(Config::ALL));
}

#[test]
fn what_is_not_as_it_should_be_is_kept() {
    for bytes in
        [&[0x06, 0x20, 1, 9][..], &[0x06, 0x02, 1, 0], &[0x06, 0x00, 3, 0, 0, 0], &[0x06, 0xC0, 0], &[5, 1, 1, 0]]
    {
        let apdu = Apdu::decode(bytes).unwrap();
        assert_eq!(Command::decode(&apdu), Command::Other(apdu));
    }
}

#[test]
fn debug_shows_no_password() {
    assert!(!format!("{:?}", Command::last_result(password()).unwrap()).contains("12"));
}

fn command() -> impl Strategy<Value = Command> {
    let password = (0_u32..1_000_000).prop_map(|digits| Password::new(digits).unwrap());
    (0..11, password, fields(), any::<[u8; 3]>()).prop_map(|(kind, password, fields, [one, two, three])| match kind {
        0 => Command::Registration { password, config: Config(one), currency: Some([two, three]), fields },
        1 => Command::Authorisation { fields },
        2 => Command::LogOff,
        3 => Command::RepeatReceipt { password, fields },
        4 => Command::Reversal { password, fields },
        5 => Command::Refund { password, fields },
        6 => Command::EndOfDay { password, fields },
        7 => Command::Diagnosis { fields },
        8 => Command::Abort { fields },
        9 => Command::StatusEnquiry { password: Some(password), fields },
        _ if one == 0 => Command::Answer(Answer::Accepted { fields }),
        _ => Command::Answer(Answer::Refused { code: one, fields }),
    })
}

proptest! {
    #[test]
    fn every_command_comes_back(command in command()) {
        let bytes = command.to_apdu().unwrap().encode();
        prop_assert_eq!(Command::decode(&Apdu::decode(&bytes).unwrap()), command);
    }
}
