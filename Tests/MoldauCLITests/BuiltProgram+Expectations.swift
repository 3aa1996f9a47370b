import ProgramSupport
import Testing

extension BuiltProgram {
    /// Runs a command that succeeds, and returns what it prints.
    @discardableResult
    func expectSuccess(
        _ arguments: [String], input: String? = nil, at location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let outcome = try run(arguments, input: input)
        #expect(outcome.status == 0, "\(outcome.errors)", sourceLocation: location)
        return outcome.output
    }

    /// Runs a command that fails with a sentence.
    func expectFailure(
        _ arguments: [String], input: String? = nil, says sentence: String,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let outcome = try run(arguments, input: input)
        #expect(outcome.status != 0, sourceLocation: location)
        #expect(outcome.errors.contains(sentence), "\(outcome.errors)", sourceLocation: location)
    }
}
