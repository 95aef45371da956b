fn main() {
    let path = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let feed = earmark_sim::feed::Feed::parse(&path, &text).unwrap_or_else(|e| panic!("{e}"));
    let sounds = earmark_sim::play::load_sounds(&feed, std::path::Path::new(&path)).unwrap();
    let t = std::time::Instant::now();
    let report = earmark_sim::play::play(&feed, &sounds, &Default::default()).unwrap();
    println!("{}", report.to_json());
    eprintln!("{:?}", t.elapsed());
}
