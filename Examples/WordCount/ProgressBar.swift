import ExampleSupport
import Foundation

/// A progress line at the bottom of the terminal. Not shown if standard error is not a terminal, or if a run takes less
/// than half a second.
final class ProgressBar {
    private let totalBytes: Int
    private let isShown = isatty(STDERR_FILENO) != 0
    private var fedBytes = 0
    private var nextDrawing = ContinuousClock.now + .milliseconds(500)
    private var isDrawn = false

    /// - Parameter totalBytes: 0 if unknown.
    init(totalBytes: Int) { self.totalBytes = totalBytes }

    func fed(bytes: Int) {
        fedBytes += bytes
        guard isDue else { return }
        let share = totalBytes > 0 ? Double(fedBytes) / Double(totalBytes) : nil
        draw("reading", share, "\(fedBytes >> 20) MiB")
    }

    func counting(left: Int64, of all: Int64) {
        guard isDue else { return }
        draw("counting", all > 0 ? Double(all - left) / Double(all) : nil, "\(left) lines left")
    }

    /// Writes a sentence to standard error, on a line of its own.
    func say(_ sentence: String) {
        clear()
        tell("\(sentence)\n")
    }

    func clear() {
        if isDrawn { tell("\r\u{1b}[K") }
        isDrawn = false
    }

    private var isDue: Bool { isShown && ContinuousClock.now >= nextDrawing }

    private func draw(_ doing: String, _ share: Double?, _ detail: String) {
        var line = "\r\u{1b}[K\(doing) "
        if let share {
            let full = Int(min(max(share, 0), 1) * 30)
            line += String(repeating: "█", count: full) + String(repeating: "░", count: 30 - full)
            line += " \(Int(min(max(share, 0), 1) * 100)) %  "
        }
        tell("\(line)\(detail)")
        isDrawn = true
        nextDrawing = .now + .milliseconds(100)
    }
}
