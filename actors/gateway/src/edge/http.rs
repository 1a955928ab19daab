//! The table from fault to HTTP, as JSON.

use super::status::{advice, code, cut, retry_after};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use deriva_messages::Fault;
use serde_json::{Value, json};
use tonic::Code;

/// A good answer.
pub(crate) fn answer(body: Value) -> Response {
    Json(body).into_response()
}

/// `{"error": {"reason", "message", "address", "hint"}}` with the status that fits.
pub(crate) fn refuse(fault: &Fault) -> Response {
    let body = json!({ "error": {
        "reason": fault.reason(),
        "message": cut(&fault.to_string()),
        "address": fault.address().map(|address| address.to_hex()),
        "hint": advice(fault),
    }});
    let mut response = (http_code(code(fault)), Json(body)).into_response();
    if let Some(wait) = retry_after(fault) {
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

const fn http_code(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::FailedPrecondition => StatusCode::PRECONDITION_FAILED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        // The client went away: nobody reads this.
        Code::Cancelled => StatusCode::REQUEST_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
