import Moldau
import Testing

/// The runner of the documentation's examples detects if one of them is wrong.
struct ExampleTests {
    private func run(_ data: String) throws {
        try Example.run(data) { example in
            let pages = example.clicks.mapValues { $0.uppercased() }
            example.show("pages", pages)
            pages.groupByKey().count().toStream().forEach { [notes = example.notes] name, count in
                notes.add("\(name) \(count ?? 0)")
            }
        }
    }

    @Test func `a correct result is accepted`() throws {
        try run("clicks: ada=/home, ada@5=/shop\npages: ada=/HOME, ada=/SHOP\nnotes: ada 1, ada 2")
        try run("clicks: ada@5=/home\npages: ada@5=/HOME\npages: none\nclicks: bob=/a\npages: bob=/A")
    }

    @Test(arguments: [
        "clicks: ada=/home\npages: ada=/home",
        "clicks: ada=/home\npages: ada@7=/HOME",
        "clicks: ada=/home\npages: none",
        "clicks: ada=/home\npages: ada=/HOME, ada=/HOME",
        "clicks: ada=/home\nnotes: ada 2",
        "clicks: ada=/home\nvisits: ada=/HOME",
        "clicks: ada",
        "clicks ada=/home",
    ])
    func `a wrong result is reported`(data: String) {
        withKnownIssue { try run(data) }
    }
}
