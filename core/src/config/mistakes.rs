//! All mistakes of a file at once, for who mends it by hand.
//!
//! What reads a configuration stops at its first mistake. Here what is wrong is taken away and the rest
//! read again: a variable, where one said it; an option of no such name by itself, or it gets the name that was
//! meant, so that what is in it is looked at and not missed; of any other mistake the part around it, so that nothing
//! is called wrong that was only seen beside it.

use super::document::{parse_tree, parse_tree_of};
use super::schema::decode::{clip, steps};
use super::schema::shared::check_name;
use super::suggest::nearest;
use super::{Document, Environment, Value};
use crate::error::{ConfigCode, ConfigError};

/// As many as anybody would mend before the next look.
const MOST: usize = 100;
/// Sections that policies share by name, and the least that one may say: under a right name it stays, so that
/// they find it.
const SHARED: [(&str, &str); 2] = [("budget", ""), ("cost", "limits.any = 1")];

impl Document {
    /// [`Document::parse_bytes`], each policy looked at under `environment`; or what is wrong, the first
    /// mistake first. What only code can complete or put right is none.
    pub fn check_bytes(bytes: &[u8], source: &str, environment: &Environment) -> Result<Document, Vec<ConfigError>> {
        let mut value = parse_tree_of(bytes, source).map_err(|error| vec![error])?;
        let mut environment = environment.clone();
        let mut mistakes: Vec<ConfigError> = Vec::new();
        let mut right = None;
        loop {
            let mistake = match checked(&value, source, &environment) {
                Ok(document) => {
                    // Behind a lack the file alone is looked at: a variable may speak of what goes with the lack.
                    environment = Environment::empty();
                    let mut any = false;
                    for lack in document.wrong(&Environment::empty()) {
                        any |= take_away(&mut value, &mut environment, &lack);
                    }
                    right.get_or_insert(document);
                    match any {
                        true => continue,
                        false => break,
                    }
                }
                Err(mistake) => mistake,
            };
            let is_new = mistakes.iter().all(|known| (&known.path, &known.source) != (&mistake.path, &mistake.source));
            let goes_on = is_new && mistakes.len() + 1 < MOST && take_away(&mut value, &mut environment, &mistake);
            if is_new {
                mistakes.push(mistake);
            }
            if !goes_on {
                break;
            }
        }
        right.filter(|_| mistakes.is_empty()).ok_or(mistakes)
    }
}

fn checked(value: &Value, source: &str, environment: &Environment) -> Result<Document, ConfigError> {
    let document = Document::from_value(value, source)?;
    document.check_policies(environment)?;
    Ok(document)
}

/// Takes away the variable of a mistake, or its place out of the tree, or the nearest part around that; `false` if
/// there is none.
fn take_away(value: &mut Value, environment: &mut Environment, mistake: &ConfigError) -> bool {
    if mistake.source.as_deref().is_some_and(|variable| environment.remove(variable)) {
        return true;
    }
    let names = steps(&mistake.path);
    let depth = match (mistake.code, names.first().map(String::as_str)) {
        (ConfigCode::UnknownOption, _) => names.len(),
        (_, Some("policy")) => names.len().min(3),
        _ => names.len().min(2),
    };
    let keys = keys(value, &names[..depth]);
    let [around @ .., last] = keys.as_slice() else { return false };
    let table = around.iter().try_fold(value, |table, key| match table {
        Value::Table(entries) => entries.get_mut(key),
        _ => None,
    });
    let Some(Value::Table(entries)) = table else { return false };
    let taken = entries.remove(last).filter(|_| keys.len() == names.len());
    // A slip of that name: one of another library may mean something else.
    if let (ConfigCode::UnknownOption, Some(meant), Some(taken)) = (mistake.code, &mistake.suggestion, taken)
        && nearest(last, [meant.as_str()]).is_some()
    {
        entries.entry(meant.clone()).or_insert(taken);
    }
    if let [section] = around
        && check_name(last, "").is_ok()
        && let Some((_, least)) = SHARED.iter().find(|(shared, _)| section == shared)
    {
        entries.insert(last.clone(), parse_tree(least).expect("it is TOML"));
    }
    true
}

/// The keys on the way to a place, as far as tables lead: items of a list keep their numbers, so none is taken
/// out of it; of a long name the path may hold the beginning only.
fn keys(mut value: &Value, names: &[String]) -> Vec<String> {
    let mut keys = Vec::new();
    for name in names {
        let Value::Table(entries) = value else { break };
        let Some((key, inner)) = entries.iter().find(|(key, _)| *key == name || clip(key) == *name) else { break };
        keys.push(key.clone());
        value = inner;
    }
    keys
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<String> {
        let mistakes = Document::check_bytes(text.as_bytes(), "test", &Environment::empty()).map(drop);
        mistakes.err().into_iter().flatten().map(|mistake| mistake.path).collect()
    }

    #[test]
    fn every_mistake_is_told_and_nothing_that_follows_from_one() {
        let text = r#"
            [policy.a.retry]
            atempts = 3
            jiter = "full"
            [policy.a.bulkhead]
            limit = 0
            [policy.b]
            timeout = "2"
            brekaer = 5
            "a/b" = 5
            "a~1b" = 5
            [policy.c.breaker.window]
            kind = "cuont"
            size = 100
            [policy.d.retry]
            budget = "shared"
            [policy.d.bulkhead]
            limit = 5
            [budget.shared]
            kind = "tocken"
            [operation]
            llm = 60
            [host]
            nmae = "x"
        "#;
        let told = [
            "/host/nmae",
            "/operation/llm",
            "/budget/shared/kind",
            "/policy/a/retry/atempts",
            "/policy/a/retry/jiter",
            "/policy/a/bulkhead/limit",
            "/policy/b/a~1b",
            "/policy/b/a~01b",
            "/policy/b/brekaer",
            "/policy/b/breaker",
            "/policy/b/timeout",
            "/policy/c/breaker/window/kind",
        ];
        let (mut found, mut told) = (places(text), told.map(str::to_owned).to_vec());
        found.sort();
        told.sort();
        assert_eq!(found, told);
    }

    #[test]
    fn what_policies_share_is_still_there_for_them() {
        for (shared, place) in [
            ("budget.shared = { kind = 'tocken' }", "/budget/shared/kind"),
            ("budget.shared = { kind = 'ratio', span = 10 }", "/budget/shared/span"),
            ("cost.shared = {}", "/cost/shared/limits"),
            ("cost.shared = { limits.tokens = 0 }", "/cost/shared/limits/tokens"),
        ] {
            let user = if shared.starts_with("cost") { "cost" } else { "retry.budget" };
            let text = format!("{shared}\npolicy.a.{user} = 'shared'\npolicy.b.retry = 0\n");
            assert_eq!(places(&text), [place, "/policy/b/retry"]);
        }
    }

    #[test]
    fn what_has_a_misspelt_name_is_looked_at_under_the_right_one() {
        assert_eq!(places("cost.x.limts.tokens = 1\npolicy.a.cost = 'x'"), ["/cost/x/limts"]);
        assert_eq!(places("cost.x.limts.tokens = 0"), ["/cost/x/limts", "/cost/x/limits/tokens"]);
        assert_eq!(places("policy.a.retry.max_retries = 0"), ["/policy/a/retry/max_retries"]);
        // Where the right one is there too, it is that one that counts.
        assert_eq!(places("policy.a.retry = { atempts = 0, attempts = 3 }"), ["/policy/a/retry/atempts"]);
    }

    #[test]
    fn what_stands_in_a_list_or_has_a_long_name_is_no_end_of_the_search() {
        let text = r#"
            [policy.a]
            cost = [{ name = "x", limts = {} }, { nmae = "y" }]
            retry = 0
            [policy.b]
            retry = 0
        "#;
        assert_eq!(places(text), ["/policy/a/retry", "/policy/a/cost/0/limts", "/policy/b/retry"]);

        let (long, longest) = ("l".repeat(60), "p".repeat(128));
        let text = format!(
            "{long} = 1
            [cost.x]
            {long} = 1
            limits.tokens = 0
            [policy.{longest}]
            {long} = 1
            retry = 0
            cost = 'x'"
        );
        let (clipped, policy) = (format!("{}…", "l".repeat(40)), format!("/policy/{longest}"));
        let told = [
            format!("/{clipped}"),
            format!("/cost/x/{clipped}"),
            "/cost/x/limits/tokens".to_owned(),
            format!("{policy}/{clipped}"),
            format!("{policy}/retry"),
        ];
        assert_eq!(places(&text), told);
    }

    #[test]
    fn a_name_that_cannot_be_is_told_of_its_entry_alone() {
        let long = "n".repeat(129);
        let text = format!(
            "[cost]
            '' = {{ limits.tokens = 1 }}
            {long} = {{ limits.tokens = 1 }}
            right = {{ limits.'' = 1 }}
            [policy.'']
            [policy.a]
            cost = 'right'
            retry = 0"
        );
        let long = format!("/cost/{}…", "n".repeat(40));
        assert_eq!(places(&text), ["/cost/", &long, "/cost/right/limits/", "/policy/", "/policy/a/retry"]);
    }

    #[test]
    fn a_file_without_mistakes_is_read() {
        assert_eq!(places("[policy.a]\nretry = 3\n"), Vec::<String>::new());
        assert_eq!(places("policy = 3"), ["/policy"]);
        assert_eq!(places("[policy.a\n"), [""]);
    }

    #[test]
    fn what_a_variable_says_is_told_of_it_and_the_search_goes_on() {
        let variables = [
            ("SEAWALL_ENABLED", "perhaps"),
            ("SEAWALL_A_RETRY_ATTEMPTS", "many"),
            ("SEAWALL_B_RETRY_ATTEMPTS", "few"),
            ("SEAWALL_B_TIMEOUT_ATTEMPT", "2"),
            ("SEAWALL_C_BULKHEAD_LIMIT", "5"),
        ];
        let text = "[policy.a]\nretry = 3\n[policy.b.retry]\nattempts = 0\n[policy.c]\nbulkhead = 0\n";
        let told = Document::check_bytes(text.as_bytes(), "test", &Environment::from_iter(variables));
        let told = told.expect_err("there are mistakes");
        let told: Vec<_> = told.iter().map(|told| (told.path.as_str(), told.source.as_deref())).collect();
        let expected = [
            ("/policy/b/retry/attempts", Some("test")),
            ("/policy/c/bulkhead", Some("test")),
            ("/enabled", Some("SEAWALL_ENABLED")),
            ("/policy/a/retry/attempts", Some("SEAWALL_A_RETRY_ATTEMPTS")),
            ("/policy/b/retry/attempts", Some("SEAWALL_B_RETRY_ATTEMPTS")),
            ("/policy/b/timeout/attempt", Some("SEAWALL_B_TIMEOUT_ATTEMPT")),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_code_is_to_complete_hides_no_other_mistake() {
        let text = "
            [policy.a]
            retry.backoff.kind = 'list'
            breaker.slow_call = {}
            cost = { name = 'own', limits = { a = 1, b = 1, c = 1, d = 1, e = 1, f = 1, g = 1, h = 1, i = 1 } }
            [policy.b]
            breaker.slow_call = {}
            bulkhead = 0
            [policy.c]
            breaker.slow_call = {}
            [policy.d]
            bulkhead = 0
        ";
        assert_eq!(places(text), ["/policy/d/bulkhead", "/policy/b/bulkhead", "/policy/a/cost/0/limits"]);
        let whole = "[policy.c]\nbreaker.slow_call = {}\n";
        let read = Document::parse_toml(whole, "test").expect("code may complete it");
        assert_eq!(Document::check_bytes(whole.as_bytes(), "test", &Environment::empty()), Ok(read));
    }

    #[test]
    fn what_a_variable_says_of_a_part_that_code_is_to_complete_is_no_mistake() {
        let text = "[policy.a]\npreset = 'busy'\nbreaker = { window.kind = 'count', slow_call = {} }\n";
        let environment = Environment::from_iter([("SEAWALL_A_BREAKER_WINDOW_SIZE", "50")]);
        assert_eq!(Document::check_bytes(text.as_bytes(), "test", &environment).map(drop), Ok(()));
    }

    #[test]
    fn there_is_an_end_to_it() {
        let text: String = (0..1000).map(|number| format!("[policy.p{number}]\nretyr = 1\n")).collect();
        assert_eq!(places(&text).len(), MOST);
    }
}
