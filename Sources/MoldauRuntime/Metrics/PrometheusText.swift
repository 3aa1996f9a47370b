// The text format in which Prometheus reads metrics, version 0.0.4:
//
//     # HELP moldau_thread_process_total Records processed.
//     # TYPE moldau_thread_process_total counter
//     moldau_thread_process_total{application="shop",thread="shop-1"} 17
//
// All lines of a metric are adjacent. In texts, backslashes and line feeds are escaped, in labels quotes as well.

/// Renders measurements for Prometheus.
package struct PrometheusText {
    private let application: String

    /// - Parameter application: the label `application` of every line.
    package init(application: String) { self.application = application }

    /// - Returns: whole lines; metrics without a measurement are left out.
    package func render(_ measurements: [MetricSample]) -> String {
        var text = ""
        let byMetric = Dictionary(grouping: measurements, by: \.metric)
        for metric in Metric.all {
            guard let measurements = byMetric[metric] else { continue }
            text += "# HELP \(metric.name) \(Self.escaped(metric.meaning))\n"
            text += "# TYPE \(metric.name) \(metric.kind.rawValue)\n"
            for measurement in measurements { text += lines(measurement) }
        }
        return text
    }

    private func lines(_ measurement: MetricSample) -> String {
        let name = measurement.metric.name
        let labels = measurement.dimensions(in: application)
        switch measurement.value {
        case .number(let value): return line(name, labels, value)
        case .summary(let count, let sum, let quantiles):
            return quantiles.map { line(name, labels + [("quantile", "\($0.share)")], $0.seconds) }.joined()
                + line(name + "_sum", labels, sum) + line(name + "_count", labels, Double(count))
        }
    }

    private func line(_ name: String, _ labels: [(String, String)], _ value: Double) -> String {
        let pairs = labels.map { name, text in
            "\(name)=\"\(Self.escaped(text).replacing("\"", with: "\\\""))\""
        }
        return "\(name){\(pairs.joined(separator: ","))} \(Self.number(value))\n"
    }

    /// Whole numbers without a fraction.
    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }
}
