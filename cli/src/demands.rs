//! What is asked of every answer: options of the verbs that read and write rows.

use crate::encoding::Encoding;
use crate::failed::Failed;
use clap::Args;
use client::{Durability, Table, Token};
use std::ffi::OsString;

/// What the answer has to have seen, and what it has to be worth.
#[derive(Args, Clone, Debug)]
pub(crate) struct DemandsArgs {
    /// A position token, as `-o json` shows it in receipts: the answer has seen
    /// what that one saw, or is refused. Of several, all count.
    #[arg(long = "token", value_name = "TOKEN")]
    tokens: Vec<OsString>,

    /// What the answer has to be worth; otherwise nothing is done.
    #[arg(long, value_name = "DURABILITY")]
    min_durability: Option<Durability>,
}

impl DemandsArgs {
    /// The table that answers so.
    pub fn of(&self, table: Table) -> Result<Table, Failed> {
        let mut all = Token::default();
        for token in &self.tokens {
            let bytes = Encoding::Base64.argument(token.clone()).map_err(no_token)?;
            all.merge(&Token::decode(&bytes).map_err(|why| no_token(why.to_string()))?);
        }
        let table = table.after(&all);
        Ok(self.min_durability.map_or(table.clone(), |least| table.at_least(least)))
    }
}

fn no_token(why: String) -> Failed {
    let hint = "Take a token as it stands in a receipt: `statehouse put ... -o json | jq -r .receipt.token`.";
    Failed::usage(format!("the token cannot be read: {why}"), hint)
}
