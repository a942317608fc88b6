//! How a command can fail, and the exit code of each way. This room refuses to print anything.

/// A failure of a command. The variant decides the exit code, the cause says what, where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something broke that is neither the user's catalog nor configuration: exit code 1.
    #[error("{0:#}")]
    Failed(anyhow::Error),
    /// Flags, configuration or rules cannot be used: exit code 2.
    #[error("{0:#}")]
    Config(anyhow::Error),
    /// The catalog file as a whole cannot be used: exit code 3.
    #[error("{0:#}")]
    Catalog(anyhow::Error),
    /// Trying again later may work, for example when another run holds the output: exit code 75.
    #[error("{0:#}")]
    Temporary(anyhow::Error),
}

/// The result of everything that may end a command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The process exit code, part of the command's contract (see the README).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Failed(_) => 1,
            Error::Config(_) => 2,
            Error::Catalog(_) => 3,
            Error::Temporary(_) => 75,
        }
    }
}

impl From<anyhow::Error> for Error {
    fn from(cause: anyhow::Error) -> Self {
        Error::Failed(cause)
    }
}
