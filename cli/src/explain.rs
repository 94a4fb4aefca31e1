//! `explain`: what a code means, without a server.

use crate::columns::Columns;
use crate::exit;
use crate::failed::Failed;
use crate::server::Output;
use crate::stage::Stage;
use clap::Args;
use model::{Code, code};
use serde_json::{Value, json};

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// As an error prints it: SH2101. All are listed without one.
    code: Option<String>,

    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

pub(crate) fn explain(args: &ExplainArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let Some(text) = &args.code else {
        list(args.output, stage)?;
        return Ok(exit::OK);
    };
    let Some(found) = find(text) else {
        writeln!(stage.err, "error: there is no code {text}")?;
        match nearest(text) {
            Some(nearest) => writeln!(stage.err, "hint: the nearest is {nearest}: {}", nearest.title)?,
            None => writeln!(stage.err, "hint: `statehouse explain` lists all")?,
        }
        return Ok(exit::NO);
    };
    match args.output {
        Output::Json => writeln!(stage.out, "{}", object(found))?,
        _ => {
            writeln!(stage.out, "{found}  {}", found.title)?;
            writeln!(stage.out, "\nWhat is safe:\n  {}", found.safe)?;
            writeln!(stage.out, "\nWhat to do:\n  {}", found.next)?;
        }
    }
    Ok(exit::OK)
}

fn list(output: Output, stage: &mut Stage<'_>) -> Result<(), Failed> {
    if output == Output::Json {
        let codes: Vec<Value> = code::ALL.iter().map(object).collect();
        writeln!(stage.out, "{}", json!({ "codes": codes }))?;
        return Ok(());
    }
    let mut columns = Columns::new(["CODE", "TITLE"]);
    code::ALL.iter().for_each(|code| columns.row([code.to_string(), code.title.to_owned()]));
    columns.print("", stage.out)?;
    Ok(())
}

fn object(code: &Code) -> Value {
    json!({ "code": code.to_string(), "title": code.title, "safe": code.safe, "next": code.next })
}

/// The digits, with or without what stands before them.
fn digits(text: &str) -> &str {
    let text = text.trim_end_matches(':');
    match text.get(..2) {
        Some(prefix) if prefix.eq_ignore_ascii_case("sh") => &text[2..],
        _ => text,
    }
}

fn find(text: &str) -> Option<&'static Code> {
    let digits = digits(text);
    let number: u16 = digits.parse().ok().filter(|_| digits.len() == 4)?;
    code::ALL.iter().find(|code| code.number == number)
}

/// The code that differs in the fewest digits, and then the least.
fn nearest(text: &str) -> Option<&'static Code> {
    let digits = digits(text);
    let number: u16 = digits.parse().ok()?;
    let distance = |code: &&Code| {
        let own = format!("{:04}", code.number);
        let differing = own.bytes().zip(format!("{number:04}").bytes()).filter(|(a, b)| a != b).count();
        (differing, code.number.abs_diff(number))
    };
    code::ALL.iter().min_by_key(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_as_they_are_typed() {
        for text in ["SH2101", "sh2101", "2101", "SH2101:"] {
            assert_eq!(find(text), Some(&code::NO_TABLE), "{text}");
        }
        for text in ["SH02101", "SH", "", "x", "SH+101", "é1", "SH210", "99999"] {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn the_nearest_differs_in_the_fewest_digits() {
        for (text, expected) in [
            ("SH2139", Some(code::TOKEN_FOREIGN)),
            ("SH3101", Some(code::NO_TABLE)),
            ("SH1", Some(code::DIRECTORY_IN_USE)),
            ("nonsense", None),
        ] {
            assert_eq!(nearest(text), expected.as_ref(), "{text}");
        }
    }
}
