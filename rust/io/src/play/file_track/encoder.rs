//! The encoder of a file that plays.

use isocord_proto::opus::{Encoder, EncoderOptions, OpusError};

/// An encoder that is made when it is needed: it takes 50 KB, and a file that passes through needs none.
pub(super) struct LazyEncoder {
    options: EncoderOptions,
    /// What the encoder is set to.
    complexity: u8,
    made: Option<Encoder>,
}

impl LazyEncoder {
    pub(super) fn new(options: &EncoderOptions) -> Self {
        Self { options: *options, complexity: options.complexity, made: None }
    }

    /// Goes over to other options with the next frame; the application stays what it was.
    pub(super) fn configure(&mut self, options: &EncoderOptions) -> Result<(), OpusError> {
        self.options = EncoderOptions { application: self.options.application, ..*options };
        if let Some(encoder) = &mut self.made {
            encoder.configure(options)?;
            self.complexity = options.complexity;
        }
        Ok(())
    }

    /// The complexity that the options ask for.
    pub(super) fn asked(&self) -> u8 {
        self.options.complexity
    }

    /// The encoder, set to this complexity.
    pub(super) fn get(&mut self, complexity: u8) -> Result<&mut Encoder, OpusError> {
        let encoder = match &mut self.made {
            Some(encoder) => encoder,
            made => made.insert(Encoder::new(&self.options)?),
        };
        if self.complexity != complexity {
            encoder.set_complexity(complexity)?;
            self.complexity = complexity;
        }
        Ok(encoder)
    }
}
