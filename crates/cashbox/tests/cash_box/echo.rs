use kassette_cashbox::Effect;
use kassette_model::{OperationKind, OperationState};
use serde_json::Value;

use super::env::{TestEnv, done};

#[test]
fn a_message_comes_back_and_the_program_names_itself() {
    let mut env = TestEnv::started();
    let request =
        env.fresh(OperationKind::Echo, r#"{"Message":"Hello from devkit 2026-03-04T10:15:34.1234567+01:00"}"#);
    let commit = env.commit(&request);
    assert!(done(&commit.answer));
    assert_eq!(commit.effects, []);
    let body: Value = serde_json::from_slice(&commit.answer.body).unwrap();
    assert_eq!(body["Message"], "Hello from devkit 2026-03-04T10:15:34.1234567+01:00");
    assert_eq!(body["Version"], env!("CARGO_PKG_VERSION"));
    assert!(body["Capabilities"].as_array().unwrap().contains(&Value::from("sign")));
}

#[test]
fn without_a_message_it_is_a_reset() {
    let mut env = TestEnv::started();
    for body in ["", "{}", r#"{"Message":null}"#] {
        let request = env.fresh(OperationKind::Echo, body);
        let commit = env.commit(&request);
        assert!(done(&commit.answer));
        assert_eq!(commit.effects, [Effect::Reset], "{body:?}");
        let body: Value = serde_json::from_slice(&commit.answer.body).unwrap();
        assert_eq!(body["Message"], Value::Null);
    }
}

#[test]
fn a_bad_body_is_a_stored_400() {
    let mut env = TestEnv::started();
    let queue_row = env.core.head().queue_row;
    let request = env.fresh(OperationKind::Echo, r#"{"Message":1}"#);
    let commit = env.commit(&request);
    assert_eq!((commit.answer.status, commit.answer.state), (400, OperationState::Failed));
    let body: Value = serde_json::from_slice(&commit.answer.body).unwrap();
    assert_eq!(
        (&body["code"], &body["stored"], &body["retry"]),
        (&"body-invalid".into(), &true.into(), &"new-id".into())
    );
    assert_eq!(body["findings"][0]["pointer"], "/Message");
    assert_eq!(body["instance"], format!("urn:uuid:{}", request.id));
    assert_eq!(env.core.head().queue_row, queue_row);
}
