use std::{fs, path::Path};

use plotters::{
    backend::SVGBackend,
    chart::ChartBuilder,
    drawing::IntoDrawingArea,
    element::{PathElement, Rectangle, Text},
    style::{
        BLACK, Color, IntoFont, RGBColor, TextStyle, WHITE,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{distance::Distance, format};
use crate::outcome::Outcome;

const AHEAD: RGBColor = RGBColor(0, 114, 178);
const BEHIND: RGBColor = RGBColor(213, 94, 0);

const WIDTH: u32 = 960;
const LABELS: i32 = 420;

/// The height of a bar with what is around it.
const ROW: u32 = 16;

/// Draws how far this project is from the best of the others in everything, and gives the path as it stands on the page.
pub(super) fn draw(out: &Path, distances: &[Distance]) -> Outcome<&'static str> {
    const FILE: &str = "performance/distance.svg";
    fs::create_dir_all(out.join("performance"))?;
    let file = out.join(FILE);
    let count = distances.len();
    let area = SVGBackend::new(&file, (WIDTH, 60 + ROW * count as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    let powers = distances.iter().map(|distance| distance.factor.log2());
    let reach = powers.fold(1.5, |reach: f64, power| reach.max(power.abs() * 1.1));
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .margin_left(LABELS)
        .margin_right(40)
        .x_label_area_size(36)
        .build_cartesian_2d(-reach..reach, 0.0..count as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_desc("how many times better: this project to the left, the best other one to the right")
        // One, two, and four times.
        .x_labels(2 * reach as usize + 1)
        .x_label_formatter(&|power: &f64| format::number(power.abs().exp2()))
        .light_line_style(WHITE)
        .draw()?;
    let style =
        |horizontal| TextStyle::from(("sans-serif", 11).into_font()).pos(Pos::new(horizontal, VPos::Center));
    for (place, distance) in distances.iter().rev().enumerate() {
        let (low, high) = (place as f64 + 0.15, place as f64 + 0.85);
        let power = distance.factor.log2();
        let colour = if power > 0.0 { BEHIND } else { AHEAD };
        chart.draw_series([Rectangle::new([(0.0, low), (power, high)], colour.filled())])?;
        let (end, y) = chart.backend_coord(&(power, place as f64 + 0.5));
        area.draw(&Text::new(distance.what.clone(), (LABELS - 4, y), style(HPos::Right)))?;
        let (x, side) = if power > 0.0 { (end + 4, HPos::Left) } else { (end - 4, HPos::Right) };
        let factor = format::number(distance.factor.max(1.0 / distance.factor));
        area.draw(&Text::new(factor, (x, y), style(side)))?;
    }
    chart.draw_series([PathElement::new([(0.0, 0.0), (0.0, count as f64)], BLACK)])?;
    area.present()?;
    Ok(FILE)
}
