//! The asynchronous interface (contract 3.2): `/{X}Request`, `/{X}Response`, `/Block{X}Request`, and `/operation/{id}` for all kinds.

use actix_web::HttpResponse;
use kassette_model::OperationKind;

use super::Call;
use crate::http::asynchronous::{Asked, read, request};
use crate::http::openapi::{
    AsyncOperationProblems, Common, EchoRequest, EchoResponse, OperationHeaders, PayRequest, PayResponse, ReadProblems,
    ReceiptRequest, ReceiptResponse, StateObject, examples,
};

/// The endpoints of one kind of operation.
macro_rules! endpoints {
    ($kind:ident, $request_body:ty, $response_body:ty, $example:ident, $answer:ident,
     post $post:ident $post_path:tt $post_id:tt,
     state $state:ident $state_path:tt $state_id:tt,
     body $body:ident $body_path:tt $body_id:tt,
     response $response:ident $response_path:tt $response_id:tt,
     block $block:ident $block_path:tt $block_id:tt) => {
        /// Accepts an operation without waiting for its end
        ///
        /// Same headers and body as the synchronous endpoint, and the same operation: started here, it can be finished there, and
        /// the other way round. Once this is answered the operation is executed in any case, also after a crash.
        #[utoipa::path(
            post,
            path = $post_path,
            tag = "asynchronous",
            operation_id = $post_id,
            params(Common, OperationHeaders),
            request_body(content = $request_body, example = json!(examples::$example())),
            responses(
                (status = 202, description = "Accepted, or accepted before and not ended",
                    headers(
                        ("Location" = String, description = "Where its state is read"),
                        ("x-operation-id" = String, description = "The accepted operation id"),
                        ("x-operation-state" = String, description = "How it stands")),
                    body = StateObject, content_type = "application/json", example = json!(examples::state_object())),
                (status = 200, description = "Accepted before, and ended", body = StateObject,
                    content_type = "application/json"),
                AsyncOperationProblems,
            ),
            security(("cashbox_id" = [], "access_token" = []))
        )]
        pub(crate) async fn $post(call: Call) -> HttpResponse {
            request(call, OperationKind::$kind).await
        }

        /// Reads how an operation stands
        #[utoipa::path(
            get,
            path = $state_path,
            tag = "asynchronous",
            operation_id = $state_id,
            params(Common, ("operationId" = uuid::Uuid, Path, description = "`x-operation-id` of the operation")),
            responses(
                (status = 200, description = "How it stands", body = StateObject, content_type = "application/json",
                    example = json!(examples::state_object())),
                ReadProblems,
            ),
            security(("cashbox_id" = [], "access_token" = []))
        )]
        pub(crate) async fn $state(call: Call) -> HttpResponse {
            read(call, Some(OperationKind::$kind), Asked::State).await
        }

        /// Reads the stored request of an operation, byte for byte
        #[utoipa::path(
            get,
            path = $body_path,
            tag = "asynchronous",
            operation_id = $body_id,
            params(Common, ("operationId" = uuid::Uuid, Path, description = "`x-operation-id` of the operation")),
            responses(
                (status = 200, description = "The request", body = $request_body, content_type = "application/json",
                    example = json!(examples::$example())),
                ReadProblems,
            ),
            security(("cashbox_id" = [], "access_token" = []))
        )]
        pub(crate) async fn $body(call: Call) -> HttpResponse {
            read(call, Some(OperationKind::$kind), Asked::Request).await
        }

        /// Reads the answer of an operation
        ///
        /// As a repeat of the synchronous call would get it: an operation that failed is answered with its status and problem.
        #[utoipa::path(
            get,
            path = $response_path,
            tag = "asynchronous",
            operation_id = $response_id,
            params(Common, ("operationId" = uuid::Uuid, Path, description = "`x-operation-id` of the operation")),
            responses(
                (status = 200, description = "The stored answer, byte for byte", body = $response_body,
                    content_type = "application/json", example = json!(examples::$answer())),
                (status = 204, description = "Not ended yet; `x-operation-state` says how it stands"),
                ReadProblems,
            ),
            security(("cashbox_id" = [], "access_token" = []))
        )]
        pub(crate) async fn $response(call: Call) -> HttpResponse {
            read(call, Some(OperationKind::$kind), Asked::Response).await
        }

        /// Waits until an operation has ended
        #[utoipa::path(
            get,
            path = $block_path,
            tag = "asynchronous",
            operation_id = $block_id,
            params(
                Common,
                ("operationId" = uuid::Uuid, Path, description = "`x-operation-id` of the operation"),
                ("timeout" = Option<u64>, Query, description = "Longest wait in ms; 60000 when it is not sent"),
            ),
            responses(
                (status = 200, description = "It has ended", body = StateObject, content_type = "application/json",
                    example = json!(examples::state_object())),
                (status = 204, description = "The wait is over and it has not ended; `x-operation-state` says how it stands"),
                ReadProblems,
            ),
            security(("cashbox_id" = [], "access_token" = []))
        )]
        pub(crate) async fn $block(call: Call) -> HttpResponse {
            read(call, Some(OperationKind::$kind), Asked::End).await
        }
    };
}

endpoints!(Sign, ReceiptRequest, ReceiptResponse, sale, signed,
    post sign_request "/SignRequest" "signRequest",
    state sign_state "/SignRequest/{operationId}" "getSignRequest",
    body sign_body "/SignRequest/{operationId}/request" "getSignRequestBody",
    response sign_response "/SignResponse/{operationId}" "getSignResponse",
    block sign_block "/BlockSignRequest/{operationId}/WhileProcessing" "blockSignRequest");

endpoints!(Pay, PayRequest, PayResponse, payment, paid,
    post pay_request "/PayRequest" "payRequest",
    state pay_state "/PayRequest/{operationId}" "getPayRequest",
    body pay_body "/PayRequest/{operationId}/request" "getPayRequestBody",
    response pay_response "/PayResponse/{operationId}" "getPayResponse",
    block pay_block "/BlockPayRequest/{operationId}/WhileProcessing" "blockPayRequest");

endpoints!(Echo, EchoRequest, EchoResponse, echo, echo,
    post echo_request "/EchoRequest" "echoRequest",
    state echo_state "/EchoRequest/{operationId}" "getEchoRequest",
    body echo_body "/EchoRequest/{operationId}/request" "getEchoRequestBody",
    response echo_response "/EchoResponse/{operationId}" "getEchoResponse",
    block echo_block "/BlockEchoRequest/{operationId}/WhileProcessing" "blockEchoRequest");

/// A read under `/operation/{operationId}`, whatever the kind.
macro_rules! alias {
    ($name:ident, $path:tt, $id:tt, $title:tt, $asked:ident, $body:ty, $example:ident) => {
        #[doc = $title]
        ///
        /// The same as under the path of the kind of operation.
        #[utoipa::path(
            get,
            path = $path,
            tag = "asynchronous",
            operation_id = $id,
            params(
                Common,
                ("operationId" = uuid::Uuid, Path, description = "`x-operation-id` of the operation"),
                ("timeout" = Option<u64>, Query, description = "Longest wait in ms, where there is one"),
            ),
            responses(
                (status = 200, description = "What is asked for", body = $body, content_type = "application/json",
                    example = json!(examples::$example())),
                (status = 204, description = "Not ended yet; `x-operation-state` says how it stands"),
                ReadProblems,
            ),
            security(("cashbox_id" = [], "access_token" = []))
        )]
        pub(crate) async fn $name(call: Call) -> HttpResponse {
            read(call, None, Asked::$asked).await
        }
    };
}

alias!(
    operation,
    "/operation/{operationId}",
    "getOperation",
    "Reads how an operation stands",
    State,
    StateObject,
    state_object
);
alias!(
    operation_state,
    "/operation/{operationId}/state",
    "getOperationState",
    "Reads how an operation stands",
    State,
    StateObject,
    state_object
);
alias!(
    operation_request,
    "/operation/{operationId}/request",
    "getOperationRequest",
    "Reads the stored request",
    Request,
    ReceiptRequest,
    sale
);
alias!(
    operation_response,
    "/operation/{operationId}/response",
    "getOperationResponse",
    "Reads the answer",
    Response,
    ReceiptResponse,
    signed
);
alias!(
    operation_wait,
    "/operation/{operationId}/wait",
    "waitForOperation",
    "Waits until an operation has ended",
    End,
    StateObject,
    state_object
);
