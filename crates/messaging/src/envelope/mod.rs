mod message_envelope;
mod payload;
mod wire;

pub use message_envelope::MessageEnvelope;
pub use payload::IntoPayload;
