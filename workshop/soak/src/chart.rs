//! Memory, descriptors and requests over time, one line per framework, as an SVG that stands alone.

use std::fmt::Write;

use crate::outcome::Outcome;
use crate::progress::rates;
use crate::results::WARM_UP;

/// Told apart also by those who see colours differently (Okabe and Ito).
const COLORS: [&str; 3] = ["#0072b2", "#d55e00", "#009e73"];

const WIDTH: f64 = 900.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 92.0;
const PANEL: f64 = 180.0;
const GAP: f64 = 48.0;
const BOTTOM: f64 = 50.0;

/// One line of a panel: its points over time, in seconds.
#[derive(Clone, Debug)]
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// Draws the outcomes of a run.
pub fn draw(title: &str, outcomes: &[Outcome]) -> String {
    let lines = |of: &dyn Fn(&Outcome) -> Vec<(f64, f64)>| -> Vec<Line> {
        outcomes.iter().map(|it| Line { name: it.framework.clone(), points: of(it) }).collect()
    };
    #[expect(clippy::cast_precision_loss, reason = "no machine has 2^52 KiB")]
    let rss = lines(&|it| it.samples.iter().map(|it| (it.seconds, it.rss_kib as f64 / 1024.0)).collect());
    #[expect(clippy::cast_precision_loss, reason = "no process has 2^52 descriptors")]
    let fds = lines(&|it| it.samples.iter().map(|it| (it.seconds, it.fds as f64)).collect());
    let rate = lines(&|it| rates(&it.samples));
    let panels = [("Resident memory, MiB", rss), ("Open descriptors", fds), ("Requests per second", rate)];
    let warm_up = outcomes.iter().map(|it| it.seconds * WARM_UP).fold(0.0, f64::max);
    svg(title, &panels, warm_up)
}

fn svg(title: &str, panels: &[(&str, Vec<Line>)], warm_up: f64) -> String {
    let all = || panels.iter().flat_map(|it| &it.1).flat_map(|it| &it.points);
    let (step, end) = scale(all().map(|it| it.0).fold(1.0, f64::max).floor(), 10.0);
    let height = TOP + panels.iter().fold(0.0, |sum, _| sum + PANEL + GAP) - GAP + BOTTOM;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"16\" font-weight=\"bold\">{}</text>\n",
        escape(title)
    );
    let mut x = LEFT;
    for (line, color) in panels.iter().take(1).flat_map(|it| &it.1).zip(COLORS) {
        let _ = writeln!(
            out,
            "<line x1=\"{x}\" x2=\"{}\" y1=\"42\" y2=\"42\" stroke=\"{color}\" stroke-width=\"3\"/>\
             <text x=\"{}\" y=\"46\">{}</text>",
            x + 24.0,
            x + 30.0,
            escape(&line.name)
        );
        x += 110.0;
    }
    let _ = writeln!(
        out,
        "<rect x=\"{x}\" y=\"35\" width=\"24\" height=\"14\" fill=\"#f3f3f3\" stroke=\"#ccc\"/>\
         <text x=\"{}\" y=\"46\">warm-up</text>",
        x + 30.0
    );
    let mut top = TOP;
    for (name, lines) in panels {
        let _ = writeln!(
            out,
            "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{:.1}\" height=\"{PANEL}\" fill=\"#f3f3f3\"/>",
            warm_up / end * (WIDTH - RIGHT - LEFT)
        );
        panel(&mut out, top, name, lines, (step, end));
        top += PANEL + GAP;
    }
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">seconds since the load began</text>\n</svg>",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        height - 10.0
    );
    out
}

fn panel(out: &mut String, top: f64, name: &str, lines: &[Line], (x_step, x_end): (f64, f64)) {
    let most = lines.iter().flat_map(|it| &it.points).map(|it| it.1).fold(1.0, f64::max);
    let (y_step, y_end) = scale(most, 5.0);
    let x = |seconds: f64| LEFT + seconds / x_end * (WIDTH - RIGHT - LEFT);
    let y = |value: f64| top + PANEL - value / y_end * PANEL;
    let _ =
        writeln!(out, "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{}</text>", top - 8.0, escape(name));
    for at in ticks(y_step, y_end) {
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{at}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y(at) + 4.0,
            y = y(at),
        );
    }
    for at in ticks(x_step, x_end) {
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{}\" stroke=\"#999\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{at}</text>",
            top + PANEL,
            top + PANEL + 4.0,
            top + PANEL + 17.0,
            x = x(at),
        );
    }
    let _ = writeln!(
        out,
        "<path d=\"M{LEFT} {top}V{0}H{1}\" fill=\"none\" stroke=\"#999\"/>",
        top + PANEL,
        WIDTH - RIGHT
    );
    for (line, color) in lines.iter().zip(COLORS) {
        let points: Vec<_> =
            line.points.iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value))).collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"/>",
            points.join(" ")
        );
    }
}

/// A round step that divides `0..=most` into at most so many parts, and the round end of the axis.
fn scale(most: f64, parts: f64) -> (f64, f64) {
    let rough = most / parts;
    let unit = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|it| it * unit).into_iter().find(|it| *it >= rough * (1.0 - 1e-9));
    let step = step.unwrap_or(unit * 10.0);
    (step, (most / step * (1.0 - 1e-9)).ceil() * step)
}

fn ticks(step: f64, end: f64) -> impl Iterator<Item = f64> {
    // Rounded, or 0.1 three times over would be written as 0.30000000000000004.
    (0..=20_u8)
        .map(move |it| (f64::from(it) * step * 1e6).round() / 1e6)
        .take_while(move |it| *it <= end * (1.0 + 1e-9))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_round_steps_and_holds_the_most() {
        for (most, parts, expected) in [
            (600.0, 10.0, (100.0, 600.0)),
            (73.0, 5.0, (20.0, 80.0)),
            (1.0, 5.0, (0.2, 1.0)),
            (2600.0, 5.0, (1000.0, 3000.0)),
        ] {
            let (step, end) = scale(most, parts);
            assert!(
                (step - expected.0).abs() < 1e-9 && (end - expected.1).abs() < 1e-9,
                "{most}: {step} {end}"
            );
            assert!(ticks(step, end).count() >= 3);
        }
        assert_eq!(ticks(0.1, 0.3).collect::<Vec<_>>(), [0.0, 0.1, 0.2, 0.3]);
    }

    #[test]
    fn every_panel_has_a_line_of_its_own_color_for_each_name() {
        let line = |name: &str| Line { name: name.into(), points: vec![(0.0, 1.0), (60.0, 2.0)] };
        let svg = svg(
            "a < b",
            &[("one", vec![line("axum"), line("poem")]), ("two", vec![line("axum"), line("poem")])],
            12.0,
        );
        assert_eq!(svg.matches("<polyline").count(), 4);
        for color in &COLORS[..2] {
            assert_eq!(svg.matches(color).count(), 3, "a line in each panel and one in the legend");
        }
        assert!(svg.contains("a &lt; b") && svg.contains(">60</text>"));
    }

    #[test]
    fn a_run_without_samples_is_drawn_empty() {
        assert!(draw("nothing", &[]).contains("Open descriptors"));
    }
}
