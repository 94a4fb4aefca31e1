//! Settings that are one of a few words.

use super::field::Field;
use super::value::Value;

/// An enum and its words, so that no word stands in two places.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// Its words, in order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// Its word.
            pub fn word(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }
        }

        impl Field for $name {
            fn value(&self) -> Value {
                Value::Word(self.word())
            }

            fn from_value(value: Value) -> Option<$name> {
                match value {
                    $(Value::Word($word) => Some($name::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

words! {
    /// The least that the log for people takes.
    LogLevel {
        /// What needs somebody.
        Error = "error",
        /// What may soon.
        Warn = "warn",
        /// What happened to the process.
        Info = "info",
        /// What happened inside.
        Debug = "debug",
        /// Every step.
        Trace = "trace",
    }
}

words! {
    /// How a line of the log for people looks.
    LogFormat {
        /// Words.
        Text = "text",
        /// One object a line.
        Json = "json",
    }
}
