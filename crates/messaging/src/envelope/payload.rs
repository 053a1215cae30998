use bytes::Bytes;

/// What can be the payload of a [`MessageEnvelope`](super::MessageEnvelope): text, bytes, or nothing.
///
/// Text is stored as it is, in UTF-8, not as a JSON string. An empty payload is not the same as none.
pub trait IntoPayload {
    /// The payload's bytes, or `None` for no payload.
    fn into_payload(self) -> Option<Bytes>;
}

impl<T: IntoPayload> IntoPayload for Option<T> {
    fn into_payload(self) -> Option<Bytes> {
        self.and_then(T::into_payload)
    }
}

impl IntoPayload for &str {
    fn into_payload(self) -> Option<Bytes> {
        self.as_bytes().into_payload()
    }
}

impl IntoPayload for &[u8] {
    fn into_payload(self) -> Option<Bytes> {
        Some(Bytes::copy_from_slice(self))
    }
}

impl<const N: usize> IntoPayload for &[u8; N] {
    fn into_payload(self) -> Option<Bytes> {
        self.as_slice().into_payload()
    }
}

macro_rules! owned {
    ($($ty:ty),+) => {$(
        impl IntoPayload for $ty {
            fn into_payload(self) -> Option<Bytes> {
                Some(self.into())
            }
        }
    )+};
}

owned!(String, Vec<u8>, Bytes);
