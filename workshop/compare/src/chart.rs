//! The two kinds of charts, as SVG that stands alone: bars, and lines over the load.
//!
//! Colours are Okabe and Ito's, which also those can tell apart who see colours differently; shape or text says the
//! same again. A chart is light or dark as the reader's system is.

use std::fmt::Write;

use crate::results::Spread;

const WIDTH: f64 = 760.0;

const STYLE: &str = "<style>\
:root{color-scheme:light dark}\
text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:#1f2328}\
.back{fill:#fff}.title{font-weight:600;font-size:15px}.group{font-weight:600}.small{font-size:12px;fill:#59636e}\
.grid{stroke:#d1d9e0;stroke-width:1}.whisker{stroke:#1f2328;stroke-width:1.5;fill:none}\
.goal{stroke:#1f2328;stroke-width:1.5;stroke-dasharray:3 3}\
.axum{--c:#0072b2}.actix{--c:#d55e00}.poem{--c:#009e73}.hyper,.tonic{--c:#8a8f96}\
rect.full{fill:var(--c)}rect.part{fill:var(--c);fill-opacity:.45}rect.bare{fill:var(--c);fill-opacity:.12;stroke:var(--c)}\
polyline{fill:none;stroke:var(--c);stroke-width:2}polyline.bare{stroke-dasharray:5 4}circle{fill:var(--c)}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.back{fill:#0d1117}.small{fill:#9198a1}.grid{stroke:#3d444d}\
.whisker,.goal{stroke:#e6edf3}.axum{--c:#56b4e9}.actix{--c:#e69f00}.poem{--c:#2fc39a}.hyper,.tonic{--c:#9198a1}}\
</style>";

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    pub label: String,
    /// Colour: the name of a framework.
    pub framework: &'static str,
    /// Fill: `full`, `part` or `bare`.
    pub fill: &'static str,
    pub value: Spread,
}

/// Bars that are compared with each other.
#[derive(Clone, Debug)]
pub struct Group {
    pub title: String,
    pub bars: Vec<Bar>,
    /// Drawn as a line that bars should not pass.
    pub goal: Option<f64>,
}

/// Groups of bars, one under the other. Each has a scale of its own unless `one_scale`.
pub fn bars(title: &str, note: &str, groups: &[Group], one_scale: bool, digits: usize) -> String {
    const LEFT: f64 = 150.0;
    const RIGHT: f64 = 130.0;
    let most = |group: &Group| {
        let bars = group.bars.iter().map(|it| it.value.most);
        bars.chain(group.goal).fold(0.0, f64::max).max(1e-9)
    };
    let all = groups.iter().map(most).fold(0.0, f64::max);
    let mut body = String::new();
    let mut top = 64.0;
    for group in groups {
        let end = if one_scale { all } else { most(group) };
        let x = |value: f64| LEFT + value / end * (WIDTH - LEFT - RIGHT);
        let _ = writeln!(
            body,
            "<text class=\"group\" x=\"16\" y=\"{:.0}\">{}</text>",
            top + 6.0,
            escape(&group.title)
        );
        top += 16.0;
        let first = top;
        for bar in &group.bars {
            let Spread { median, least, most } = bar.value;
            let _ = writeln!(
                body,
                "<g class=\"{}\"><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
                 <rect class=\"{}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"13\"/></g>\
                 <path class=\"whisker\" d=\"M{:.1} {mid:.1}H{:.1}M{:.1} {:.1}v6M{:.1} {:.1}v6\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\">{median:.digits$}</text>",
                bar.framework,
                LEFT - 8.0,
                top + 12.0,
                escape(&bar.label),
                bar.fill,
                top + 1.0,
                (x(median) - LEFT).max(1.0),
                x(least),
                x(most),
                x(least),
                top + 4.5,
                x(most),
                top + 4.5,
                x(most) + 8.0,
                top + 12.0,
                mid = top + 7.5,
            );
            top += 19.0;
        }
        if let Some(goal) = group.goal {
            let _ = writeln!(
                body,
                "<path class=\"goal\" d=\"M{x:.1} {:.1}V{top:.1}\"/><text class=\"small\" x=\"{x:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\">goal {goal}</text>",
                first - 2.0,
                first - 6.0,
                x = x(goal)
            );
        }
        top += 22.0;
    }
    svg(title, note, top, &body)
}

/// A line of a chart: values over a load.
#[derive(Clone, Debug)]
pub struct Line {
    pub label: String,
    pub framework: &'static str,
    pub bare: bool,
    pub points: Vec<(f64, f64)>,
}

/// Lines over the load, the values on a logarithmic scale.
pub fn lines(title: &str, note: &str, across: &str, panels: &[(String, Vec<Line>)]) -> String {
    const LEFT: f64 = 70.0;
    const RIGHT: f64 = 150.0;
    const HEIGHT: f64 = 240.0;
    let mut body = String::new();
    let mut top = 84.0;
    for (name, lines) in panels {
        let points = || lines.iter().flat_map(|it| &it.points);
        let far = points().map(|it| it.0).fold(1.0, f64::max);
        let least = points().map(|it| it.1).fold(f64::MAX, f64::min).max(1e-3).log10().floor();
        let most = points().map(|it| it.1).fold(1e-3, f64::max).log10().ceil().max(least + 1.0);
        let x = |value: f64| LEFT + value / far * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| top + HEIGHT - (value.max(1e-3).log10() - least) / (most - least) * HEIGHT;
        let _ =
            writeln!(body, "<text class=\"group\" x=\"16\" y=\"{:.0}\">{}</text>", top - 10.0, escape(name));
        let mut decade = least;
        while decade <= most {
            let value = 10_f64.powf(decade);
            let _ = writeln!(
                body,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{:.1}\"/><text class=\"small\" x=\"{}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{value} ms</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y(value) + 4.0,
                y = y(value)
            );
            decade += 1.0;
        }
        for part in 0..=4_u8 {
            let value = far * f64::from(part) / 4.0;
            let _ = writeln!(
                body,
                "<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value:.0}</text>",
                x(value),
                top + HEIGHT + 18.0
            );
        }
        let _ = writeln!(
            body,
            "<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, WIDTH - RIGHT),
            top + HEIGHT + 36.0,
            escape(across)
        );
        let mut labels: Vec<(f64, &Line)> = Vec::new();
        for line in lines.iter().filter(|it| !it.points.is_empty()) {
            let points: Vec<_> =
                line.points.iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value))).collect();
            let class = if line.bare { "bare" } else { "" };
            let _ = write!(
                body,
                "<g class=\"{}\"><polyline class=\"{class}\" points=\"{}\"/>",
                line.framework,
                points.join(" ")
            );
            for (at, value) in &line.points {
                let _ = write!(body, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/>", x(*at), y(*value));
            }
            body.push_str("</g>\n");
            labels.push((y(line.points[line.points.len() - 1].1), line));
        }
        // Labels at the lines' ends, moved apart.
        labels.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut above = f64::MIN;
        for (wanted, line) in labels {
            let at = wanted.max(above + 16.0);
            above = at;
            let mark = if line.bare { "┄" } else { "━" };
            let _ = writeln!(
                body,
                "<text x=\"{:.1}\" y=\"{:.1}\"><tspan class=\"{}\" style=\"fill:var(--c)\">{mark}</tspan> {}</text>",
                WIDTH - RIGHT + 10.0,
                at + 4.0,
                line.framework,
                escape(&line.label)
            );
        }
        top += HEIGHT + 84.0;
    }
    svg(title, note, top - 30.0, &body)
}

fn svg(title: &str, note: &str, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\">\
         <title>{title}</title>{STYLE}\n<rect class=\"back\" width=\"100%\" height=\"100%\" rx=\"8\"/>\
         <text class=\"title\" x=\"16\" y=\"26\">{title}</text><text class=\"small\" x=\"16\" y=\"44\">{note}</text>\n\
         {body}</svg>\n",
        title = escape(title),
        note = escape(note)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_value_and_a_goal_is_a_line() {
        let bar = |value| Bar {
            label: "a<b".into(),
            framework: "axum",
            fill: "full",
            value: Spread { median: value, least: value, most: value },
        };
        let group = Group { title: "one".into(), bars: vec![bar(1.0), bar(2.0)], goal: Some(2.0) };
        let svg = bars("t", "n", &[group], true, 1);
        assert!(svg.contains("a&lt;b") && svg.contains("class=\"goal\""));
        assert!(svg.contains("width=\"240.0\"") && svg.contains("width=\"480.0\""), "{svg}");
    }

    #[test]
    fn a_line_without_points_is_left_out() {
        let line = |points| Line { label: "x".into(), framework: "poem", bare: true, points };
        let svg = lines(
            "t",
            "n",
            "calls",
            &[("p".into(), vec![line(vec![]), line(vec![(1.0, 0.5), (2.0, 20.0)])])],
        );
        assert_eq!(svg.matches("<polyline").count(), 1);
    }
}
