use std::sync::Arc;

use crate::conformance::{
    case::{Case, CaseResult},
    compare::same_payload,
};

/// All bytes arrive: NUL, those that are no UTF-8, and the rest.
pub(in crate::conformance) async fn binary_payload(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let mut envelope = case.envelope("binary");
    let mut bytes = envelope.get_message().map(|text| text.to_vec()).unwrap_or_default();
    bytes.extend(0..=u8::MAX);
    // An overlong sequence, a lone half of a surrogate, a cut one, and the end in a NUL.
    bytes.extend(b"\xC0\xAF \xED\xA0\x80 \xF0\x9F\x98 \r\n\0");
    envelope.set_message(bytes);
    let sent = subject.send_envelope("binary", envelope).await?;
    let received = subject.take(&sent).await?;
    same_payload("received", &received, &sent)
}
