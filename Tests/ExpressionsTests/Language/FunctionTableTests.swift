import Expressions
import FeatureModel
import Testing

@Suite struct FunctionTableTests {
    @Test(arguments: FunctionTable.all.filter { $0.group != .request })
    func examplesGiveWhatTheySay(_ function: Function) throws {
        #expect(try shown(function.example) == function.exampleResult, "\(function.example)")
    }

    @Test func allNamesOfTheLanguageAreThere() {
        let names = """
            abs sign floor ceil round trunc sqrt ln log10 log2 log1p exp pow least greatest clip mod div coalesce nullif if found sin \
            cos asin atan2 radians haversine_km lower upper trim length substr starts_with contains replace split year month day \
            day_of_week day_of_year hour minute date_trunc seconds_between days_between dot cosine l2_distance norm list_length \
            list_at list_contains list_sum list_mean list_min list_max list_distinct list_intersect jaccard json_text json_number \
            hash bucket is_nan is_inf request_time
            """.split(separator: " ").map(String.init)
        #expect(Set(FunctionTable.all.map(\.name)) == Set(names))
    }
}
