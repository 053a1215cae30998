use std::{fs, path::Path};

use plotters::{
    backend::SVGBackend,
    chart::ChartBuilder,
    drawing::IntoDrawingArea,
    element::{Circle, PathElement, Rectangle, Text},
    series::LineSeries,
    style::{
        BLACK, Color, IntoFont, RGBColor, ShapeStyle, TextStyle, WHITE,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::format;
use crate::{
    contenders::{Ours, Paho, Python, Relayed, Rumqttc},
    figures::{Figures, Measured},
    outcome::Outcome,
    questions::QuestionId,
    statistics::Spread,
};

const SIZE: (u32, u32) = (960, 440);

/// Each contender has its colour in all charts, which most eyes can tell apart; the ways of this project are blue.
const COLOURS: [(&str, RGBColor); 8] = [
    (Ours::NAME, RGBColor(0, 114, 178)),
    (Ours::BY_TASKS, RGBColor(0, 114, 178)),
    (Ours::BY_BATCH, RGBColor(0, 60, 100)),
    (Ours::WITH_ENVELOPE, RGBColor(86, 180, 233)),
    (Paho::NAME, RGBColor(230, 159, 0)),
    (Relayed::NAME, RGBColor(213, 94, 0)),
    (Rumqttc::NAME, RGBColor(0, 158, 115)),
    (Python::NAME, RGBColor(204, 121, 167)),
];

/// The values of a group are further apart than this where they are drawn by their magnitude.
const FAR_APART: f64 = 50.0;

/// The width of a letter below a group.
const LETTER: usize = 7;

/// Contenders in the order in which they came.
pub(super) fn lanes<'a>(figures: &[&'a Figures]) -> Vec<&'a str> {
    let mut lanes = Vec::new();
    for figures in figures {
        if !lanes.contains(&figures.lane) {
            lanes.push(figures.lane);
        }
    }
    lanes
}

/// Draws the figures of a question and gives the paths as they stand on the page. What grows with something has lines, and a
/// chart for each metric; other questions have bars, and a chart for each unit.
pub(super) fn draw(out: &Path, measured: &Measured, id: QuestionId) -> Outcome<Vec<String>> {
    let lines = matches!(id, QuestionId::Payload | QuestionId::Queues);
    let kind = |figures: &Figures| if lines { figures.metric.name } else { figures.metric.unit };
    let figures: Vec<&Figures> = measured.figures.iter().filter(|figures| figures.question == id).collect();
    let mut kinds = Vec::new();
    for figures in &figures {
        if !kinds.contains(&kind(figures)) {
            kinds.push(kind(figures));
        }
    }
    fs::create_dir_all(out.join("performance"))?;
    let mut files = Vec::new();
    for of_chart in &kinds {
        let name = match kinds.as_slice() {
            [_] => id.name(),
            _ => format!("{}-{}", id.name(), of_chart.to_lowercase().replace([' ', '/'], "-")),
        };
        let file = format!("performance/{name}.svg");
        let figures: Vec<&Figures> =
            figures.iter().copied().filter(|figures| kind(figures) == *of_chart).collect();
        Chart::new(&figures).draw(&out.join(&file), lines)?;
        files.push(file);
    }
    Ok(files)
}

/// Groups of values, one of each contender.
struct Chart<'a> {
    /// What the height is.
    title: String,
    lanes: Vec<&'a str>,
    groups: Vec<Group>,
    /// Drawn by their magnitude, as they are far apart.
    logarithmic: bool,
}

/// A case, or a metric of it.
struct Group {
    label: String,
    values: Vec<Option<Spread>>,
}

impl<'a> Chart<'a> {
    fn new(figures: &[&'a Figures]) -> Self {
        let lanes = lanes(figures);
        let metric = figures[0].metric;
        let several = figures.iter().any(|one| one.metric != metric);
        let mut groups: Vec<Group> = Vec::new();
        for one in figures {
            let label = if several { format!("{}: {}", one.case, one.metric.name) } else { one.case.clone() };
            if !groups.iter().any(|group| group.label == label) {
                let values = lanes.iter().map(|lane| {
                    let of_lane = |other: &&&Figures| {
                        other.case == one.case && other.metric == one.metric && other.lane == *lane
                    };
                    figures.iter().find(of_lane).and_then(|figures| Spread::of(&figures.values()))
                });
                groups.push(Group { label, values: values.collect() });
            }
        }
        let title =
            if several { metric.unit.to_owned() } else { format!("{}, {}", metric.name, metric.unit) };
        let all = || groups.iter().flat_map(|group| &group.values).flatten();
        let least =
            all().map(|spread| spread.median).filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        let most = all().map(|spread| spread.median).fold(0.0, f64::max);
        Self { title, lanes, logarithmic: most > least * FAR_APART, groups }
    }

    fn height(&self, value: f64) -> f64 {
        if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value }
    }

    fn draw(&self, file: &Path, lines: bool) -> Outcome<()> {
        let area = SVGBackend::new(file, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let (plot, legend) = area.split_horizontally(SIZE.0 - 230);
        let spreads = || self.groups.iter().flat_map(|group| &group.values).flatten();
        let top = self.height(spreads().map(|spread| spread.max).fold(f64::MIN_POSITIVE, f64::max));
        let bottom = match self.logarithmic {
            true => self
                .height(spreads().map(|s| s.min).filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min))
                .floor(),
            false => 0.0,
        };
        let top = if self.logarithmic { top.ceil() } else { top * 1.05 };
        let mut chart = ChartBuilder::on(&plot)
            .margin(12)
            .margin_bottom(if self.groups.len() > 4 { 84 } else { 40 })
            .y_label_area_size(76)
            .build_cartesian_2d(0.0..self.groups.len() as f64, bottom..top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .disable_x_axis()
            .y_desc(self.title.as_str())
            .y_labels(if self.logarithmic { (top - bottom) as usize + 1 } else { 8 })
            .y_label_formatter(&|height: &f64| {
                format::number(if self.logarithmic { 10f64.powf(*height) } else { *height })
            })
            .light_line_style(WHITE)
            .draw()?;

        let width = 0.8 / self.lanes.len() as f64;
        for (number, lane) in self.lanes.iter().enumerate() {
            let colour = COLOURS.iter().find(|(name, _)| name == lane).map_or(BLACK, |(_, colour)| *colour);
            let place = |group: usize| match lines {
                true => group as f64 + 0.5,
                false => group as f64 + 0.1 + width * (number as f64 + 0.5),
            };
            let points: Vec<(usize, Spread)> = self
                .groups
                .iter()
                .enumerate()
                .filter_map(|(at, group)| group.values[number].map(|spread| (at, spread)))
                .collect();
            for (group, spread) in &points {
                let (x, y) = (place(*group), self.height(spread.median));
                let range = [(x, self.height(spread.min).max(bottom)), (x, self.height(spread.max))];
                if lines {
                    chart.draw_series([Circle::new((x, y), 4, colour.filled())])?;
                    chart.draw_series([PathElement::new(range, colour)])?;
                } else {
                    let half = width * 0.45;
                    chart.draw_series([Rectangle::new(
                        [(x - half, bottom), (x + half, y)],
                        colour.filled(),
                    )])?;
                    chart.draw_series([PathElement::new(range, BLACK)])?;
                }
            }
            if lines {
                let line = points.iter().map(|(group, spread)| (place(*group), self.height(spread.median)));
                chart.draw_series(LineSeries::new(line, ShapeStyle::from(colour).stroke_width(2)))?;
            }
            let y = 20 + 22 * number as i32;
            legend.draw(&Rectangle::new([(8, y), (22, y + 12)], colour.filled()))?;
            legend.draw(&Text::new((*lane).to_owned(), (28, y), ("sans-serif", 13).into_font()))?;
        }
        let room = chart.plotting_area().dim_in_pixel().0 as usize / self.groups.len().max(1);
        let style = TextStyle::from(("sans-serif", 12).into_font()).pos(Pos::new(HPos::Center, VPos::Top));
        for (at, group) in self.groups.iter().enumerate() {
            let (x, y) = chart.backend_coord(&(at as f64 + 0.5, bottom));
            for (line, text) in (0..).zip(wrapped(&group.label, room / LETTER)) {
                area.draw(&Text::new(text, (x, y + 8 + line * 14), style.clone()))?;
            }
        }
        area.present()?;
        Ok(())
    }
}

/// The text in lines of at most so many letters, where no word is longer.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_broken_between_words() {
        assert_eq!(wrapped("QoS 0, each awaited", 7), ["QoS 0,", "each", "awaited"]);
        assert_eq!(wrapped("QoS 0, each awaited", 30), ["QoS 0, each awaited"]);
    }
}
