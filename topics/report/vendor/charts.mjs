// What the report draws its charts with: the parts of Apache ECharts it needs. README.md says how it is built.
import * as echarts from 'echarts/core';
import { HeatmapChart, LineChart, ScatterChart, TreemapChart } from 'echarts/charts';
import { GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, VisualMapComponent } from 'echarts/components';
import { SVGRenderer } from 'echarts/renderers';

echarts.use([
  HeatmapChart, LineChart, ScatterChart, TreemapChart,
  GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, VisualMapComponent, SVGRenderer,
]);

export const { init } = echarts;
