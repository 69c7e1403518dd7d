//! The text form: metrics grouped by name, each with its help and type once.

use super::call::{Histogram, SECONDS};
use std::collections::BTreeMap;
use std::fmt::Write;

pub(super) type Labels<'a> = &'a [(&'static str, String)];

#[derive(Copy, Clone)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Default)]
pub(super) struct Text {
    families: BTreeMap<&'static str, (Kind, &'static str, String)>,
}

impl Text {
    pub(super) fn gauge(&mut self, name: &'static str, help: &'static str, labels: Labels, value: f64) {
        self.add(name, Kind::Gauge, help, labels, value);
    }

    fn add(&mut self, name: &'static str, kind: Kind, help: &'static str, labels: Labels, value: f64) {
        let samples = self.family(name, kind, help);
        sample(samples, name, labels, value);
    }

    pub(super) fn count(&mut self, name: &'static str, help: &'static str, labels: Labels, total: u64) {
        self.add(name, Kind::Counter, help, labels, total as f64);
    }

    pub(super) fn histogram(&mut self, name: &'static str, help: &'static str, labels: Labels, histogram: &Histogram) {
        let samples = self.family(name, Kind::Histogram, help);
        let mut total = 0;
        for (index, bucket) in histogram.buckets.iter().enumerate() {
            total += bucket.get();
            let end = SECONDS.get(index).map_or("+Inf".to_owned(), f64::to_string);
            let labels: Vec<_> = labels.iter().cloned().chain([("le", end)]).collect();
            sample(samples, &format!("{name}_bucket"), &labels, total as f64);
        }
        sample(samples, &format!("{name}_sum"), labels, histogram.sum().as_secs_f64());
        sample(samples, &format!("{name}_count"), labels, total as f64);
    }

    pub(super) fn finish(self) -> String {
        let mut text = String::new();
        for (name, (kind, help, samples)) in self.families {
            let kind = match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{samples}");
        }
        text
    }

    fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) -> &mut String {
        &mut self.families.entry(name).or_insert_with(|| (kind, help, String::new())).2
    }
}

fn sample(text: &mut String, name: &str, labels: Labels, value: f64) {
    text.push_str(name);
    for (index, (key, value)) in labels.iter().enumerate() {
        let _ = write!(text, "{}{key}=\"", if index == 0 { '{' } else { ',' });
        for c in value.chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                c => text.push(c),
            }
        }
        text.push('"');
    }
    if !labels.is_empty() {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn names_are_grouped_and_values_escaped() {
        let mut text = Text::default();
        text.add("b_total", Kind::Counter, "B.", &[("name", "say \"hi\"\n".into())], 2.0);
        text.add("a", Kind::Gauge, "A.", &[], 0.5);
        text.add("b_total", Kind::Counter, "B.", &[], 1.0);
        let lines: Vec<_> =
            ["# HELP a A.", "# TYPE a gauge", "a 0.5", "# HELP b_total B.", "# TYPE b_total counter"].into();
        let shown = text.finish();
        assert!(shown.starts_with(&lines.join("\n")), "{shown}");
        assert!(shown.ends_with("b_total{name=\"say \\\"hi\\\"\\n\"} 2\nb_total 1\n"), "{shown}");
    }
}
