//! What a person at a command line can do about a failure.
//!
//! It refuses to pass on advice about calls and fields where there is a command or an option: the
//! server's own words are for programs. They are told apart by the reason, never by their text.

use deriva_client::{ClientError, Code, Refusal, SessionFault};

/// The advice for what ended `command`, where there is any.
pub(super) fn advice(error: &ClientError, command: &str) -> Option<String> {
    let words = match error {
        ClientError::Unreachable { .. } => {
            "start a node with `deriva-actor-node --data-dir DIR`, or name a running one with --server URL"
        }
        ClientError::NoSession { fault, .. } => session(fault),
        ClientError::CutOff(_) if command == "put" => {
            "the leaf may be stored or not; put it again, its address is the same"
        }
        ClientError::CutOff(_) if command == "import" => {
            "what was answered stays stored; run the same import again, and it goes on"
        }
        ClientError::CutOff(_) => "nothing of the answer was kept; ask again",
        ClientError::Mismatch { .. } => "the bytes were changed on the way; put them again",
        ClientError::Changed { .. } => "the bytes were changed on the way; get them again",
        ClientError::Refused(refusal) => return refused(refusal, command),
        _ => return None,
    };
    Some(words.to_owned())
}

const fn session(fault: &SessionFault) -> &'static str {
    match fault {
        SessionFault::NeedsTls => {
            "say https:// in --server and give --tls-ca, --tls-cert and --tls-key; `deriva cert client` makes the files"
        }
        SessionFault::NoTls => "say http:// in --server, without --tls-ca",
        SessionFault::NotGrpc(_) => {
            "--server takes the node's gRPC address (port 50051 by default), not its admin address; the node's ready line tells both"
        }
        SessionFault::CertificateDemanded => {
            "give --tls-cert and --tls-key; `deriva cert client --ca CADIR` makes the files"
        }
        SessionFault::CertificateRefused(_) => {
            "give --tls-cert and --tls-key of a certificate from the node's own authority that has not expired; `deriva cert client --ca CADIR` makes one"
        }
        SessionFault::Untrusted(_) => {
            "--tls-ca takes the ca.pem of the authority that issued the node's certificate; this one is another's"
        }
        SessionFault::WrongName(_) => {
            "name the node in --server as its certificate does, or issue it one with `deriva cert node --san` for this name"
        }
        SessionFault::Outdated(_) => {
            "look at both machines' clocks, or issue the node a new certificate with `deriva cert node`"
        }
        SessionFault::Tls(_) => {
            "look at --server, --tls-ca, --tls-cert and --tls-key; `deriva cert` makes files that fit together"
        }
    }
}

fn refused(refusal: &Refusal, command: &str) -> Option<String> {
    let own = match (refusal.reason.as_str(), refusal.code) {
        ("NOT_FOUND", _) => {
            "check the address and the server, or put it first with `deriva put` or `deriva recipe`"
        }
        ("MISSING_INPUTS", _) if command == "recipe" => {
            "put the missing inputs first with `deriva put` or `deriva recipe`, or say --allow-missing"
        }
        ("MISSING_INPUTS", _) => {
            "put the missing inputs with `deriva put` or `deriva recipe`; `deriva graph ADDR` shows which are missing"
        }
        ("REFUSED_RECIPE", _) => {
            "`deriva functions` tells what can be called, with params and an example each"
        }
        ("LEAF_IS_RECIPE", _) => {
            "store it with `deriva recipe`, or with `deriva import` if it is in the form from before DCF"
        }
        ("FUNCTION_FAILED", Code::FailedPrecondition) => {
            return Some(explain(refusal));
        }
        ("NONDETERMINISTIC", _) => {
            "report the function; `deriva functions` shows its mark, `deriva verify ADDR` executes it again, and `deriva verify --clear NAME VERSION` lets it be used again"
        }
        // No function is blamed: the trace may simply be another address's.
        ("TRACE_MISMATCH", _) => {
            "record a trace of this very address with `deriva trace ADDR -o FILE` and replay that"
        }
        ("DATA_LOSS", _) => {
            "put the leaf's file again with `deriva put`, or the old recipe's with `deriva import`; that heals it"
        }
        ("UNSUPPORTED", _) => {
            "a later release answers it; `deriva --help` tells which commands wait"
        }
        _ => return other(refusal),
    };
    Some(own.to_owned())
}

fn explain(refusal: &Refusal) -> String {
    let named = refusal.addr.as_ref();
    let recipe = named.map_or_else(|| "ADDR".to_owned(), ToString::to_string);
    format!(
        "`deriva explain {recipe}` shows the recipe's params and inputs, `deriva functions` what the function takes"
    )
}

/// Where the server's words are as good here as anywhere, or it gave none.
fn other(refusal: &Refusal) -> Option<String> {
    if refusal.hint.is_some() {
        return refusal.hint.clone();
    }
    let words = match refusal.code {
        Code::Unimplemented => "this server does not know the call; a newer one may",
        Code::Unavailable => "the server is starting or draining; ask again",
        _ => return None,
    };
    Some(words.to_owned())
}
